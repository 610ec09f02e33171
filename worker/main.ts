import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { openApi } from '../shared/api.ts'
import { type Config, describeConfig, loadConfig } from '../shared/config.ts'
import { configWarnings } from '../shared/config-rules.ts'
import { asWorkerError, WorkerError } from '../shared/errors.ts'
import { openJobRecords } from '../shared/jobs.ts'
import { createLogger, type Logger } from '../shared/logger.ts'
import { createMetrics, type Metrics } from '../shared/metrics.ts'
import { openQueue } from '../shared/queue.ts'
import { openRedis } from '../shared/redis.ts'
import { checkScratch, freeBytes } from '../shared/scratch.ts'
import { openStorage } from '../shared/storage.ts'
import { now } from '../shared/time.ts'
import { checkBucket, checkQueue, patiently, readProfiles } from './boot.ts'
import { openGroups } from './boot-groups.ts'
import { openSandbox } from './boot-sandbox.ts'
import { checkTools } from './boot-tools.ts'

import { sourcePatienceMs, startSourceServer } from './job/source.ts'
import { openScratch, sweepScratch } from './job/workdir.ts'

import { workFor } from './job/works.ts'
import { sweepOrphans } from './media/orphans.ts'
import { warnOfNamesake } from './namesake.ts'
import { createNoticeBoard, type NoticeBoard } from './notices/board.ts'
import { findInstance } from './notices/instance.ts'
import { type Host, openHost } from './notices/open.ts'
import { createOperatorLook } from './notices/operator.ts'
import { onStopSignal, type StopSignals } from './notices/signal.ts'
import { watch } from './notices/watch.ts'
import { startRegistry } from './registry.ts'
import { createScavenger } from './scavenge.ts'
import { startHttpServer } from './server/http.ts'
import { createReadiness } from './server/readiness.ts'
import { openServiceManager } from './server/service-manager.ts'
import { createWorker } from './worker.ts'

// sysexits.h, as systemd shows them: a restart does not help against a wrong configuration.
const exitUnavailable = 69
const exitConfiguration = 78

process.exitCode = await main().catch((thrown: unknown) => {
  const error = asWorkerError(thrown)
  process.stderr.write(`${error.message}\n`)
  if (error.code === 'drained') return 0
  return error.code === 'config_invalid' ? exitConfiguration : exitUnavailable
})
process.exit()

async function main(): Promise<number> {
  // Before anything is said: who has read a line of ours may stop us.
  const stop = onStopSignal()
  const config = loadConfig(process.env)
  const version = (
    JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  ).version
  const boot = new AbortController()
  const leave = (reason: string) => boot.abort(new WorkerError('drained', `stopped at boot (${reason})`))
  void stop.first.then(leave)
  const metrics = createMetrics()
  let log: Logger | undefined
  const { instance, said, expected } = await findInstance(config, boot.signal, {
    onAnswer(result, path) {
      metrics.metadata_calls_total.inc({ result })
      if (result === 'renewed') log?.warn({ path }, 'the instance metadata refused the token (401): renewed')
    },
  })
  if (instance && !process.env.WORKER_ID?.trim()) config.workerId = instance.id
  const logger = createLogger(config.log, { worker: config.workerId, version })
  log = logger
  logger.info({ config: describeConfig(config) }, 'effective configuration')
  for (const warning of configWarnings(process.env)) logger.warn(warning)
  const silent = !instance && expected
  logger[silent ? 'warn' : 'info']({ group: instance?.group }, `instance metadata: ${said}`)

  const board = createNoticeBoard(logger, (source) => metrics.notices_total.inc({ source }))
  const seconds = config.drainSeconds
  void stop.first.then((reason) => board.raise({ source: 'signal', reason, seconds }))
  void board.first.then(({ reason }) => leave(reason))
  const machine = await openHost({ config, instance, board, logger, metrics })
  try {
    return await run({ config, version, logger, metrics, stop, board, machine, signal: boot.signal })
  } finally {
    await machine.goodbye()
  }
}

interface Surroundings {
  readonly config: Config
  readonly version: string
  readonly logger: Logger
  readonly metrics: Metrics
  readonly stop: StopSignals
  readonly board: NoticeBoard
  readonly machine: Host
  /** Ends the boot. */
  readonly signal: AbortSignal
}

/** From the boot's checks to the last job's end. */
async function run(surroundings: Surroundings): Promise<number> {
  const { config, version, logger, metrics, stop, board, machine, signal } = surroundings
  const startedAtMs = now()
  await checkScratch(config.scratch)
  const tools = await checkTools(config, process.env.PATH ?? '', signal)
  const orphans = await sweepOrphans(config.workerId)
  const folders = await sweepScratch(config.scratch.dir)
  if (orphans + folders > 0) logger.warn({ orphans, folders }, 'swept what a killed predecessor left')
  const profiles = await readProfiles(config.hls.profilesFile, tools)

  const patience = { seconds: config.bootWaitSeconds, signal }
  const storage = openStorage(config.r2)
  await patiently('bucket', patience, () => checkBucket(storage, config.workerId, signal))
  const queue = await patiently('queue', patience, () => openQueue(config, signal))
  await patiently('queue', patience, () => checkQueue(queue, config, logger, signal))
  const redis = openRedis(config.redis, {
    onUp: () => logger.info('redis is back'),
    onDown: (error) => logger.warn({ err: error }, 'redis is away: going on under the SQS leases alone'),
  })
  const api = openApi(config, { onCall: (call, result) => metrics.api_calls_total.inc({ call, result }) })
  const scratch = await openScratch(config.scratch.dir, process.pid, config.scratch.minFreeBytes)
  const sandbox = await openSandbox(tools, config, scratch.dir, signal).catch(async (error: unknown) => {
    await scratch.remove()
    throw error
  })
  logger.info({ sandbox: sandbox.report }, 'sandbox of ffmpeg')
  const groups = await openGroups(config.ffmpeg.cpuWeight)
  if (config.ffmpeg.cpuWeight > 0) logger.info({ group: groups.ffmpeg }, `control groups: ${groups.said}`)
  const host = {
    ...{ ...sandbox.host, group: groups.ffmpeg },
    onRun: (what: string, result: string) => metrics.ffmpeg_runs_total.inc({ what, result }),
  }
  const sources = await startSourceServer(storage, {
    listener: sandbox.listener,
    patienceMs: sourcePatienceMs(config.stall.encodeSeconds),
  })

  const records = openJobRecords(redis)
  const owner = `${config.workerId}:${process.pid}:${randomUUID().slice(0, 8)}`
  const lostSeconds = config.hls.fanoutLostSeconds
  const onBytesMoved = createScavenger()
  const leavesSoon = () => machine.leavesSoon
  const ports = {
    onBytesMoved,
    leavesSoon,
    queue,
    records,
    owner,
    lostSeconds,
    config,
    storage,
    sources,
    scratch,
    host,
    metrics,
    profiles,
    api,
    redis,
  }
  const worker = createWorker({
    ...{ records, owner },
    config,
    queue,
    redis,
    api,
    metrics,
    logger,
    protection: machine.protection,
    tryBucket: (signal) => checkBucket(storage, config.workerId, signal),
    workFor: (message, body) => workFor(message, body, ports),
  })
  const readiness = createReadiness({
    ...{ queue, storage, redis, api, workerId: config.workerId },
    scratchFree: async () => (await freeBytes(config.scratch.dir)) >= config.scratch.minFreeBytes,
  })
  const http = await startHttpServer({
    config: config.http,
    worker,
    metrics,
    version,
    readiness,
    sandbox: sandbox.report,
    host: machine.status,
  })
  await warnOfNamesake(redis, config.workerId, logger)
  logger.info({ port: http.port, concurrency: config.concurrency }, 'worker is up')
  const manager = openServiceManager({ env: process.env, worker, logger })
  worker.start()
  manager.ready()
  const registry = startRegistry({ redis, version, status: () => worker.status() })

  const look = createOperatorLook({
    ...{ redis, board, workerId: config.workerId, drainSeconds: config.drainSeconds, startedAtMs },
  })
  const ending = new AbortController()
  const requests = watch('requests to drain', config.notices.pollSeconds, look, {
    ...{ logger, signal: ending.signal },
  })

  const { source, reason } = await board.first
  board.onNearer((seconds) => worker.hasten(seconds))
  stop.onAgain((again) => worker.stopNow(again))
  const seconds = board.current()?.seconds ?? config.drainSeconds
  manager.stopping(reason, seconds)
  await worker.drain(reason, { seconds, interrupted: source === 'signal' || source === 'spot' })
  ending.abort(new Error('the worker leaves'))
  await requests
  await registry.close()
  await http.close()
  await sources.close()
  await sandbox.close()
  await scratch.remove()
  queue.close()
  storage.close()
  redis.close()
  api.close()
  manager.close()
  logger.info('goodbye')
  return 0
}
