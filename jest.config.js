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
/** Folders whose tests work on the real system, as root; elsewhere such a test is named *.host.test.ts. */
const HOST = ['host', 'backends', 'staging', 'faults', 'e2e'].map((name) => `<rootDir>/test/${name}/`);

export default {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: [LAB, ...HOST, '\\.host\\.test\\.ts$'],
    },
    {
      ...shared,
      displayName: 'host',
      testTimeout: 30_000,
      testMatch: ['<rootDir>/test/**/*.host.test.ts', ...HOST.map((folder) => `${folder}**/*.test.ts`)],
    },
    {
      ...shared,
      displayName: 'lab',
      testTimeout: 120_000, // in the guest each new process takes 30 ms and more
      testMatch: [`${LAB}**/*.test.ts`],
    },
  ],
};
