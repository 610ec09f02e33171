import { availableParallelism } from 'node:os'

export default {
  rootDir: '../..',
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': '<rootDir>/test/tools/jest-transform.mjs' },
  moduleFileExtensions: ['ts', 'mjs', 'cjs', 'js', 'json', 'node'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  // Suites wait for most of their time: for leases to end, for polls, for retries. Twice the cores keeps these busy.
  maxWorkers: 2 * availableParallelism(),
  // A net for what never ends, no measure of speed: a busy machine may be several times slower than a free one.
  testTimeout: 240_000,
  coverageProvider: 'v8',
}
