import { type Config, type Env, loadConfig, loadParts } from '../../shared/config.ts'
import { configWarnings } from '../../shared/config-rules.ts'
import { WorkerError } from '../../shared/errors.ts'
import { type CommandContext, show } from './context.ts'
import { checkApi } from './doctor-api.ts'
import { checkBucket } from './doctor-bucket.ts'
import { checkClocks } from './doctor-clocks.ts'
import { checkHost } from './doctor-host.ts'
import { checkInstance } from './doctor-instance.ts'
import { checkQueues } from './doctor-queue.ts'
import { checkRedis } from './doctor-redis.ts'
import { checkTimeouts } from './doctor-timeouts.ts'
import { asCommandError, CommandError } from './errors.ts'
import { type Finding, findingLines, type Notes, takeNotes } from './finding.ts'

interface Area {
  readonly name: string
  readonly needs: readonly (keyof Config)[]
  check(config: Config, notes: Notes, context: CommandContext): Promise<void> | void
}

/** In the order of the lines. Each is tried with what it needs: a wrong variable silences its own area only. */
const areas: readonly Area[] = [
  { name: 'host', needs: ['scratch', 'ffmpeg'], check: checkHost },
  { name: 'instance', needs: ['metadata', 'scaling', 'awsRegion', 'drainSeconds'], check: checkInstance },
  { name: 'queue', needs: ['queue', 'awsRegion', 'lease'], check: checkQueues },
  { name: 'bucket', needs: ['r2', 'workerId'], check: checkBucket },
  { name: 'redis', needs: ['redis', 'workerId'], check: checkRedis },
  { name: 'api', needs: ['api', 'catalog', 'workerId'], check: checkApi },
  { name: 'clock', needs: ['queue', 'awsRegion', 'r2', 'api'], check: checkClocks },
  { name: 'timeouts', needs: ['api', 'stall', 'ffmpeg', 'queue', 'drainSeconds'], check: checkTimeouts },
]

export async function doctor(context: CommandContext): Promise<void> {
  const { env } = context.io
  const findings: Finding[] = [...checkConfig(env)]
  // One after the other: what is timed must not wait for the rest.
  for (const area of areas) findings.push(...(await examine(area, env, context)))
  const failed = findings.filter(({ level }) => level === 'fail').length
  show(context, { ok: failed === 0, findings }, findingLines(findings))
  if (failed > 0) throw new CommandError('failed', `${failed} of ${findings.length} checks failed`)
}

async function examine(area: Area, env: Env, context: CommandContext): Promise<readonly Finding[]> {
  const notes = takeNotes(area.name)
  try {
    await area.check(loadParts(env, area.needs) as Config, notes, context)
  } catch (error) {
    context.signal.throwIfAborted()
    const isConfig = error instanceof WorkerError && error.details.problems !== undefined
    if (isConfig) notes.fail('not tried', 'its variables are wrong or missing', 'mend what config says above')
    else
      notes.fail('error', asCommandError(error).message, 'see the message; the lines above are what worked')
  }
  return notes.findings
}

function checkConfig(env: Env): readonly Finding[] {
  const notes = takeNotes('config')
  try {
    loadConfig(env)
    notes.ok('variables', 'all are valid')
  } catch (error) {
    const { problems } = (error as WorkerError).details as { problems?: readonly string[] }
    if (!problems) throw error
    for (const problem of problems)
      notes.fail('variable', problem, 'set it in the worker’s environment (npm run config)')
  }
  for (const warning of configWarnings(env)) notes.warn('variable', warning, 'mend it, or take it out')
  return notes.findings
}
