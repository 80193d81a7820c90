const shared = {
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'es6' } },
    ],
  },
};

const LAB = '<rootDir>/test/lab/';
const LAB_NFS = `${LAB}nfs-`;
/** What csi-sanity and the driver's own tests try in the lab as well: left to full runs (STOWAGE_LAB=full or STOWAGE_CONFORMANCE=full), since a process takes its time there. */
const LONG_LAB = ['image', 'lvm', 'nfs-shares', 'nfs-worker'].map((name) => `${LAB}${name}\\.test\\.ts$`);
const isFullLab = [process.env.STOWAGE_LAB, process.env.STOWAGE_CONFORMANCE].includes('full');
/** The Helm chart, deploy/ and examples/: needs helm. */
const CHART = '<rootDir>/test/chart/';
/** Folders whose tests work on the real system, as root; elsewhere such a test is named *.host.test.ts. */
const HOST = ['host', 'backends', 'staging', 'faults', 'model'].map((name) => `<rootDir>/test/${name}/`);

export default {
  // Real mounts take their time, and in the lab's guest each new process takes 30 ms and more. (Projects cannot set it.)
  testTimeout: process.env.STOWAGE_LAB ? 120_000 : 30_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [LAB, CHART, ...HOST, '\\.host\\.test\\.ts$'],
    },
    {
      ...shared,
      displayName: 'chart',
      testMatch: [`${CHART}**/*.test.ts`],
    },
    {
      ...shared,
      displayName: 'host',
      testMatch: ['<rootDir>/test/**/*.host.test.ts', ...HOST.map((folder) => `${folder}**/*.test.ts`)],
    },
    {
      ...shared,
      displayName: 'lab',
      testMatch: [`${LAB}**/*.test.ts`],
      testPathIgnorePatterns: [LAB_NFS, ...(isFullLab ? [] : LONG_LAB)],
    },
    {
      ...shared,
      displayName: 'lab-nfs',
      testMatch: [`${LAB_NFS}*.test.ts`],
      testPathIgnorePatterns: isFullLab ? [] : LONG_LAB,
    },
  ],
};
