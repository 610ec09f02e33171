import { loadConfig } from '../../shared/config.ts'
import { apiProblems, apiVariables, apiWarnings } from '../../shared/config-api.ts'
import { configWarnings } from '../../shared/config-rules.ts'
import { schema } from '../../shared/config-schema.ts'
import { leavesOf } from '../../shared/config-variable.ts'
import { WorkerError } from '../../shared/errors.ts'
import type { Variables } from './parse.ts'

/** Whose environment: the product's API, or the workers of this project. */
export const roles = ['api', 'worker'] as const
export type Role = (typeof roles)[number]

/** One parameter each (lesson 30: one for both, overwritten by one of them, took the database from the other). */
export const parameterOf: Readonly<Record<Role, string>> = {
  api: '/academy/api/env',
  worker: '/academy/workers/env',
}

/** What the role cannot start with, a line each, without values: a log of a deployment is read by many. Pure. */
export function problemsOf(role: Role, variables: Variables): string[] {
  const env = Object.fromEntries(variables)
  const problems = role === 'api' ? apiProblems(env) : workerProblems(env)
  return problems.map((line) => line.replace(/: value was .*$/s, ''))
}

/** Throws config_invalid with every problem. */
export function needComplete(role: Role, variables: Variables, what: string): void {
  const problems = problemsOf(role, variables)
  if (problems.length === 0) return
  const message = [`${what} is not enough for the ${role}:`, ...problems.map((line) => `- ${line}`)]
  throw new WorkerError('config_invalid', message.join('\n'), { details: { problems } })
}

/** What is probably a mistake, and may be meant. Pure. */
export function warningsOf(role: Role, variables: Variables): string[] {
  const env = Object.fromEntries(variables)
  if (role === 'api') return apiWarnings(env)
  const shared = ownOfOne.filter((name) => env[name])
  return [
    ...configWarnings(env),
    ...shared.map((name) => `${name} is one worker’s own: here every worker gets the same`),
    ...(env.AWS_ACCESS_KEY_ID ? ['AWS_ACCESS_KEY_ID is set: instances have a role, which needs no key'] : []),
  ]
}

/** Of one worker, and never of a fleet. */
const ownOfOne = ['WORKER_ID', 'HOSTNAME']

function workerProblems(env: Record<string, string>): string[] {
  try {
    loadConfig(env)
    return []
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error
    return error.details.problems as string[]
  }
}

const publicNames = new Set(
  [...leavesOf(schema), ...leavesOf(apiVariables)]
    .filter(({ variable }) => !variable.sensitive)
    .map(({ variable }) => variable.env)
    .concat('R2_VIDEO_BUCKET', 'FFMPEG_PATH', 'FFPROBE_PATH'),
)

/** Whether the value of this variable is known to be no secret. What nobody knows may be one. Pure. */
export function isPublic(name: string): boolean {
  return publicNames.has(name)
}

/** Variables that both roles must have alike, else they do not find each other's work. */
export const common = [
  ...['R2_ENDPOINT', 'R2_BUCKET', 'R2_VIDEO_BUCKET', 'R2_PREFIX', 'VIDEO_SQS_QUEUE_NAME', 'AWS_REGION'],
  ...['REDIS_DB', 'INTERNAL_WORKER_TOKEN', 'INTERNAL_TOKEN'],
] as const
