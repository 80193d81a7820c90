declare const STOWAGE_VERSION: string | undefined; // put in by scripts/build.mjs, from package.json

/** The program's version; "unbundled" where it runs from its sources. */
export const version = typeof STOWAGE_VERSION === 'string' ? STOWAGE_VERSION : 'unbundled';
