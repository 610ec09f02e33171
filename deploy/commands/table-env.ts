import type { CommandSpec } from './table.ts'

const role = { value: 'api|worker', doc: 'whose environment (required)' }
const parameter = {
  value: 'NAME',
  doc: 'parameter; `/academy/api/env` and `/academy/workers/env` unless told',
}
const drop = { value: 'NAMES', doc: 'variables that may go, with commas between; no other goes' }
const dryRun = { doc: 'only tell what would change' }
const needs = ['awsRegion'] as const

/** The part of the table about the environments in Parameter Store: docs/environment.md. */
export const environmentCommands = {
  'env push': {
    summary: 'store the variables of a file, over those that are stored',
    args: [{ name: 'FILE', doc: 'a .env, in whatever encoding and with whatever line ends' }],
    flags: {
      ...{ role, parameter, drop, 'dry-run': dryRun },
      replace: { doc: 'the file is the whole: what it lacks goes, if --drop names it' },
      'kms-key': { value: 'ID', doc: 'key that a new parameter is encrypted with, else the account’s own' },
    },
    asks: true,
    needs,
    notes:
      'Adds and changes what the file holds, and leaves the rest. The result must be enough for the role. Nothing is ' +
      'stored that two readers of a .env would read differently. Values are shown only of variables known to be no ' +
      'secret.',
  },
  'env pull': {
    summary: 'write the stored environment to a file, and recreate what runs with it',
    args: [],
    flags: {
      ...{ role, parameter },
      out: { value: 'FILE', doc: 'file to write, with mode 600 (required)' },
      format: {
        value: 'dotenv|docker',
        doc: '`dotenv` for systemd and dotenv (unless told), `docker` for --env-file',
      },
      'on-change': { value: 'COMMAND', doc: 'run when the file is another one than before' },
    },
    needs,
    notes:
      'Whole or not at all, and only what is enough for the role: else the file stays as it was. A COMMAND that failed is ' +
      'run again by the next pull. Ends with 0 whether the file changed or not.',
  },
  'env diff': {
    summary: 'what a push of a file would change, or what a version did',
    args: [],
    flags: {
      ...{ role, parameter },
      file: { value: 'FILE', doc: 'against what is stored' },
      from: { value: 'VERSION', doc: 'this version, against --to' },
      to: { value: 'VERSION', doc: 'the newest unless told' },
    },
    needs,
  },
  'env verify': {
    summary: 'whether what is stored is enough for the role, and is what runs',
    args: [],
    flags: {
      ...{ role, parameter },
      file: { value: 'FILE', doc: 'a file that `env pull` wrote must hold the same' },
      pid: { value: 'PID', doc: 'a process must have been started with the same (/proc/PID/environ)' },
      both: { doc: 'what both roles share must be the same in the other role’s parameter' },
    },
    needs,
    notes: 'Ends with 78 when the stored environment is not enough, with 1 when something else differs.',
  },
  'env history': {
    summary: 'the versions that are kept: when, who, and which variables changed',
    args: [],
    flags: {
      ...{ role, parameter },
      limit: { value: 'N', doc: 'at most so many, 20 unless told; 0 = all that SSM keeps (100)' },
    },
    needs,
  },
  'env rollback': {
    summary: 'store an older version again, as a new one',
    args: [],
    flags: {
      ...{ role, parameter, drop, 'dry-run': dryRun },
      to: { value: 'VERSION', doc: 'number of the version, from `env history` (required)' },
    },
    asks: true,
    needs,
    notes:
      'The old version must be enough for the role of today. Variables that were added since go, if --drop names them.',
  },
} as const satisfies Readonly<Record<string, CommandSpec>>
