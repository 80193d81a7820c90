import { version } from './version.ts';

process.stdout.write(`stowage ${version}\n`);
