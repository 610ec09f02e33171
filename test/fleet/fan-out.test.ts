import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { partBody } from '../../shared/message-parts.ts'
import { makeLongClip } from './clips.ts'
import { type Fleet, type FleetWorker, openFleet } from './harness.ts'
import { readTree } from './tree.ts'

const tenantId = 9
/** Chunks of four seconds and a fleet that shares everything. */
const shared = { CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2', FANOUT: 'always', FANOUT_LOST_SECONDS: '120' }
const seconds = 24
const chunks = 6

let fleet: Fleet
let clip: string
let videoId = 0
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, seconds, '960x540')
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

async function send(file = clip) {
  videoId += 1
  const fileKey = await fleet.stack.upload(file, { tenantId, name: 'a.mp4' })
  const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey })
  return { jobId, videoId, fileKey, folder: `tenants/${tenantId}/video/hls/${videoId}/${jobId}/` }
}
type Sent = Awaited<ReturnType<typeof send>>

const lines = (worker: FleetWorker, { jobId }: Sent) => worker.log().filter((line) => line.job === jobId)
const encodedBy = (worker: FleetWorker, job: Sent) =>
  lines(worker, job)
    .filter((line) => line.msg === 'part encoded')
    .map((line) => String(line.part))
const published = async (job: Sent) => {
  const outcome = await fleet.stack.waitFor(job.jobId, { signal: AbortSignal.timeout(200_000) })
  expect(outcome.kind).toBe('complete')
  return outcome.body
}
const ends = (job: Sent) =>
  fleet.stack.api.calls.filter((call) => call.jobId === job.jobId && ['complete', 'fail'].includes(call.name))
const queueIsEmpty = async () => {
  const { waiting, inFlight } = await fleet.stack.queueCounts()
  return waiting + inFlight === 0
}
const keysUnder = async (prefix: string) => {
  const keys: string[] = []
  for await (const { key } of fleet.stack.storage.list(prefix, fleet.signal)) keys.push(key)
  return keys
}

async function expectWhole(job: Sent): Promise<void> {
  const body = await published(job)
  const tree = await readTree(fleet.stack.storage, String(body.hls_path), fleet.signal)
  expect(tree.missing).toEqual([])
  const [first] = body.renditions as { name: string }[]
  const playlist = await fleet.stack.storage.getText(`${job.folder}${first!.name}/index.m3u8`, fleet.signal)
  const lengths = [...playlist!.matchAll(/#EXTINF:([\d.]+)/g)].map((match) => Number(match[1]))
  expect(lengths.reduce((sum, length) => sum + length, 0)).toBeCloseTo(seconds, 1)
  await fleet.until('the ledger is gone', async () => (await keysUnder(`${job.folder}.work/`)).length === 0)
  expect(ends(job)).toHaveLength(1)
}

describe('a video that is shared over the fleet', () => {
  test('is encoded by both workers, joined once, and leaves backlog and queue empty', async () => {
    const workers = [fleet.start('left', shared), fleet.start('right', shared)]
    for (const worker of workers) await worker.logged((line) => line.msg === 'worker is up')
    const job = await send()
    const percents: number[] = []
    const watching = setInterval(async () => {
      const value = await fleet.stack.redisClient.get(`tenant:${tenantId}:video:${job.videoId}:progress`)
      if (value !== null) percents.push(JSON.parse(value).percent)
    }, 100)
    await expectWhole(job)
    clearInterval(watching)
    const parts = workers.map((worker) => encodedBy(worker, job))
    expect(parts.flat().sort()).toEqual(
      ['audio-0', ...Array.from({ length: chunks }, (_, index) => `chunk-${index}`)].sort(),
    )
    for (const mine of parts) expect(mine.length).toBeGreaterThan(0)
    expect(percents.length).toBeGreaterThan(5)
    expect(percents).toEqual([...percents].sort((a, b) => a - b))
    await fleet.until('the queue is empty', queueIsEmpty)
    await fleet.until('the backlog is empty', async () => (await fleet.stack.backlog(tenantId)) === 0)
  })

  test('has its slot back as soon as the parts are sent, and counts them in the backlog', async () => {
    const job = await send()
    const worker = fleet.start('planner', { ...shared, VIDEO_WORKER_HEARTBEAT_INTERVAL: '5' })
    await worker.logged((line) => line.msg === 'job started' && line.job === job.jobId)
    const letGo = fleet.holdQueue()
    await worker.logged(
      (line) => line.msg === 'job settled' && line.job === job.jobId && line.outcome === 'fanned',
    )
    // The chunks and the sound.
    expect(await fleet.stack.backlog(tenantId)).toBe(chunks + 1)
    letGo()
    await expectWhole(job)
  })

  test('reads of the source only what each chunk needs', async () => {
    const worker = fleet.start('frugal', shared)
    // Large enough that read-ahead (16 MiB) is a small part of it.
    const job = await send(await makeLongClip(fleet.dir, seconds, '640x360', 2))
    await expectWhole(job)
    const part = lines(worker, job).filter(
      (line) => line.msg === 'part encoded' && String(line.part).startsWith('chunk'),
    )
    expect(part).toHaveLength(chunks)
    const fetched = part.reduce((sum, line) => sum + Number(line.fetchedBytes), 0)
    const each = Math.max(...part.map((line) => Number(line.fetchedBytes) / Number(line.sourceBytes)))
    expect(each).toBeLessThan(0.8)
    expect(fetched).toBeLessThan(4 * Number(part[0]!.sourceBytes))
  })

  test('survives that Redis is wiped half-way', async () => {
    const workers = [fleet.start('wiped-1', shared), fleet.start('wiped-2', shared)]
    const job = await send()
    await Promise.race(
      workers.map((worker) => worker.logged((line) => line.msg === 'part encoded' && line.job === job.jobId)),
    )
    await fleet.stack.redis.restart()
    await expectWhole(job)
    await fleet.until('the queue is empty', queueIsEmpty)
  })

  test('whose part is lost for good is made whole by the watch', async () => {
    const job = await send()
    const planner = fleet.start('lossy', { ...shared, FANOUT_LOST_SECONDS: '3' })
    await planner.logged((line) => line.msg === 'parts sent to the fleet' && line.job === job.jobId)
    await planner.stop()
    // As after a purge, but for the watch.
    await fleet.until('parts are lost', async () => (await loseParts(fleet)) > 0)
    const heir = fleet.start('finder', { ...shared, FANOUT_LOST_SECONDS: '3' })
    await expectWhole(job)
    expect(lines(heir, job).filter((line) => line.msg === 'parts sent to the fleet').length).toBeGreaterThan(
      0,
    )
  })

  test('that is cancelled stops on every worker, reports once and leaves nothing', async () => {
    const workers = [fleet.start('stop-1', shared), fleet.start('stop-2', shared)]
    const job = await send()
    await Promise.race(
      workers.map((worker) => worker.logged((line) => line.msg === 'part encoded' && line.job === job.jobId)),
    )
    await fleet.stack.redisClient.set(
      `tenant:${tenantId}:video:${job.videoId}:cancel_requested`,
      '1',
      'EX',
      300,
    )
    const outcome = await fleet.stack.waitFor(job.jobId, { signal: AbortSignal.timeout(200_000) })
    expect(outcome).toMatchObject({ kind: 'fail', body: { code: 'cancelled' } })
    await fleet.until('the queue is empty', queueIsEmpty)
    await fleet.until('nothing is left', async () => (await keysUnder(job.folder)).length === 0)
    expect(ends(job)).toHaveLength(1)
    expect(await fleet.stack.backlog(tenantId)).toBe(0)
  })

  test('whose part is killed with -9 costs that part alone', async () => {
    const first = fleet.start('mortal', shared)
    const job = await send()
    await first.logged(
      (line) => line.msg === 'part encoded' && line.part === 'chunk-1' && line.job === job.jobId,
    )
    first.kill('SIGKILL')
    await first.ended
    const done = new Set(encodedBy(first, job))
    const second = fleet.start('heir', shared)
    await expectWhole(job)
    const again = encodedBy(second, job).filter((name) => done.has(name))
    expect(again).toEqual([])
  })

  test('and joined twice at the same moment is published once', async () => {
    const workers = [fleet.start('twin-1', shared), fleet.start('twin-2', shared)]
    const job = await send()
    const body = JSON.stringify({
      job_id: job.jobId,
      video_id: job.videoId,
      tenant_id: tenantId,
      file_key: job.fileKey,
    })
    await Promise.race(
      workers.map((worker) => worker.logged((line) => line.msg === 'part encoded' && line.job === job.jobId)),
    )
    await Promise.all([fleet.stack.send(partBody(body)), fleet.stack.send(partBody(body))])
    await expectWhole(job)
    await fleet.until('the queue is empty', queueIsEmpty)
    expect(ends(job)).toHaveLength(1)
  })
})

/** Takes the parts among the next messages out of the queue for good; resolves how many. */
async function loseParts({ stack }: Fleet): Promise<number> {
  const client = new SQSClient({
    ...{ endpoint: stack.sqs.endpoint, region: stack.sqs.region },
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  const QueueUrl = stack.queue.url
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }),
  )
  let lost = 0
  for (const { ReceiptHandle, Body } of Messages) {
    if (JSON.parse(Body!).kind === 'join') {
      await client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }))
      continue
    }
    await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    lost += 1
  }
  client.destroy()
  return lost
}
