import type { Config } from '../../shared/config.ts'
import { environmentCommands } from './table-env.ts'

/** The one table of commands: parsing, help and docs/commands.md are made from it. */
export interface CommandSpec {
  readonly summary: string
  /** Values without a name, in order. */
  readonly args: readonly { readonly name: string; readonly doc: string }[]
  readonly flags: Readonly<Record<string, FlagSpec>>
  /** Changes what cannot be undone: asks first, or takes --yes. */
  readonly asks?: boolean
  /** The parts of the worker's configuration that it reads. */
  readonly needs: readonly (keyof Config)[]
  /** Sentences below the flags. */
  readonly notes?: string
}

export interface FlagSpec {
  /** Name of the value in the help; without one the flag stands alone. */
  readonly value?: string
  readonly doc: string
}

const queue = ['queue', 'awsRegion'] as const

const selection = {
  reason: { value: 'TEXT', doc: 'only messages with this code or this text in their reason' },
  job: { value: 'ID', doc: 'only messages of this job, its parts included' },
  tenant: { value: 'ID', doc: 'only messages of this tenant' },
} as const
const limit = (doc: string) => ({ limit: { value: 'N', doc } })
const id = { name: 'ID', doc: 'the job’s id' }

export const commands = {
  enqueue: {
    summary: 'send a video to the fleet, as the API does',
    args: [{ name: 'FILE_KEY', doc: 'key of the source in the bucket: `tenants/{tenant}/video/raw/…`' }],
    flags: {
      video: { value: 'ID', doc: 'the video’s id in the API (required)' },
      tenant: { value: 'ID', doc: 'the tenant’s id; without it, the one in FILE_KEY' },
      'job-id': { value: 'UUID', doc: 'id of the job; without it, a new one' },
      profile: { value: 'NAME', doc: 'encoding profile' },
      unchecked: { doc: 'do not look whether the source is in the bucket' },
    },
    needs: [...queue, 'redis'],
    notes:
      'Counts the job in the tenant’s backlog and sends a message of version 3. The API must know the video: ' +
      'a job that it does not know is retried for five minutes, and then counts as deleted. The look into the bucket ' +
      'needs its variables too.',
  },
  status: {
    summary: 'what the fleet does: workers, slots, jobs, backlog, queues',
    args: [],
    flags: {
      watch: { doc: 'again and again, until it is interrupted; with --json a line each time' },
      interval: { value: 'SECONDS', doc: 'time between two looks of --watch, 2 unless told (0.2 to 3600)' },
      ...limit('at most so many jobs, 50 unless told'),
    },
    needs: [...queue, 'redis'],
    notes:
      'Looks at every key of Redis whose name holds `video`, without holding it up (SCAN). Workers report every ' +
      '3 s; one that has not for 15 s is not shown. What is not to be had is told, the rest is shown (exit 69).',
  },
  'job show': {
    summary: 'everything that is known of one job',
    args: [id],
    flags: {},
    needs: ['redis'],
  },
  'job cancel': {
    summary: 'stop a job, running or waiting',
    args: [id],
    flags: {},
    asks: true,
    needs: ['redis'],
    notes:
      'A running job ends within 2 s; one that waits ends when a worker takes it. Either way its output is removed ' +
      'and the API gets a `fail` with the code `cancelled`.',
  },
  'job retry': {
    summary: 'start a job over that was given up, rejected or cancelled',
    args: [id],
    flags: {},
    needs: [...queue, 'redis'],
    notes:
      'With all its attempts. Its messages in the dead-letter queue are taken from there. A job that is done or has ' +
      'not ended is left alone.',
  },
  'dlq list': {
    summary: 'what lies in the dead-letter queue, and why',
    args: [],
    flags: {
      ...selection,
      ...limit('at most so many messages, 50 unless told; 0 = all'),
      skip: { value: 'N', doc: 'leave out the first N, for the next page' },
      'by-reason': { doc: 'only how many there are of each reason, of all' },
    },
    needs: queue,
    notes:
      'SQS has no look without a touch: messages are received, hidden while the command runs, and shown again at its ' +
      'end (15 minutes later if it is killed). Its order is SQS’s own, so pages may overlap.',
  },
  'dlq show': {
    summary: 'one message of the dead-letter queue, whole',
    args: [{ name: 'ID', doc: 'id of the message, or of its job' }],
    flags: {},
    needs: queue,
  },
  'dlq redrive': {
    summary: 'send dead messages to the queue again',
    args: [],
    flags: {
      ...selection,
      message: { value: 'ID', doc: 'only this message' },
      all: { doc: 'every message, when nothing else is selected' },
      ...limit('at most so many messages'),
    },
    needs: [...queue, 'redis'],
    notes:
      'Each with its body and its group, its job’s record set back to all attempts and counted in the backlog. Sent ' +
      'before it is deleted: when this is interrupted nothing is lost, and what is sent twice is done once. A part of ' +
      'a shared video starts its whole video again; of a job that is done meanwhile, the message is only deleted.',
  },
  'dlq drop': {
    summary: 'delete dead messages for good',
    args: [],
    flags: {
      ...selection,
      message: { value: 'ID', doc: 'only this message' },
      all: { doc: 'every message, when nothing else is selected' },
      ...limit('at most so many messages'),
    },
    asks: true,
    needs: queue,
  },
  reconcile: {
    summary: 'find what was lost or left over, and mend it',
    args: [],
    flags: {
      apply: { doc: 'mend it; without it only tell what would be done' },
      only: { value: 'AREAS', doc: 'jobs, counters, folders, uploads: some of them, with commas between' },
      watch: {
        doc: 'look for four minutes first: some things are believed only after they have stood for so long',
      },
    },
    asks: true,
    needs: [...queue, 'redis', 'r2', 'catalog'],
    notes:
      'Jobs whose message is lost, workers that are gone, counters that drifted, ledgers, folders and uploads that ' +
      'nobody needs. Asks before --apply. What cannot be learned is told, and then nothing is done about it (exit 69).',
  },
  drain: {
    summary: 'let a worker finish or hand back its jobs, and end',
    args: [],
    flags: {
      worker: { value: 'ID', doc: 'this worker' },
      all: { doc: 'every worker of the fleet' },
      wait: { doc: 'wait until they are gone' },
    },
    asks: true,
    needs: ['redis'],
    notes:
      'A worker sees it within seconds, and ends as after SIGTERM. Workers that start later are not meant. A ' +
      'supervisor that always restarts (pm2, systemd) may start it again.',
  },
  ...environmentCommands,
  doctor: {
    summary: 'try everything that a worker needs here: each connection, permission, attribute and timeout',
    args: [],
    flags: {},
    needs: [],
    notes:
      'Run it where the worker runs, with its environment. Every line says ok, warn or fail, and what to do. It ' +
      'writes and removes objects under `.video-worker/doctor/` in the bucket and keys under `video-worker:` in ' +
      'Redis; no message is sent, taken or deleted. Permissions of the queues are tried with requests that SQS has ' +
      'to refuse as invalid once it allows them.',
  },
} as const satisfies Readonly<Record<string, CommandSpec>>

export type CommandName = keyof typeof commands

/** Known to every command. */
export const commonFlags = {
  json: { doc: 'one JSON document instead of text for people' },
  help: { doc: 'this text' },
} as const satisfies Readonly<Record<string, FlagSpec>>

export const yesFlag: FlagSpec = { doc: 'do not ask' }

/** The flags of a command with those that all have, in the order of the help. */
export function flagsOf(name: CommandName): Readonly<Record<string, FlagSpec>> {
  const spec: CommandSpec = commands[name]
  return { ...spec.flags, ...(spec.asks ? { yes: yesFlag } : {}), ...commonFlags }
}
