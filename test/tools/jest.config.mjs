export default {
  rootDir: '../..',
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/tools/jest-transform.mjs' },
  moduleFileExtensions: ['ts', 'mjs', 'cjs', 'js', 'json', 'node'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Jest would leave a core free for people: of two that is half. Suites wait a good part of their time.
  maxWorkers: '100%',
  // A net for what never ends, no measure of speed: a busy machine may be several times slower than a free one.
  testTimeout: 240_000,
  coverageProvider: 'v8',
}
