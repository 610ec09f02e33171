import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { makeClip, makeLongClip } from './clips.ts'
import { type Fleet, openFleet } from './harness.ts'

// One tenant's long video fills the queue with its parts; another tenant's clip must not wait for them. Told by the
// order in which the queue of the stack delivers, which is fair as far as SQS documents it (test/local/fair-queues.ts).
const names = ['left', 'right']
/** Two seconds a chunk: thirty of the long video, two of the clip, which is too short to be shared. */
const settings = { CHUNK_SECONDS: '2', HLS_TIME_SECONDS: '2', FANOUT: 'auto', FANOUT_LOST_SECONDS: '600' }
const chunks = 30
const [lecturer, student] = [11, 12]

let fleet: Fleet
let lecture: string
let next: string
let clip: string

/** What the queue did with the job's own message and with those of its parts. */
const traffic = (jobId: string) => fleet.stack.sqs.traffic.filter(({ body }) => body.includes(jobId))
const isPart = ({ body }: { body: string }) => /^\{"kind":"(chunk|audio)"/.test(body)
const received = (jobId: string) => traffic(jobId).filter(({ what }) => what === 'received')

async function send(file: string, tenantId: number, videoId: number): Promise<string> {
  const fileKey = await fleet.stack.upload(file, { tenantId })
  return fleet.stack.sendJob({ tenantId, videoId, fileKey })
}

beforeAll(async () => {
  fleet = await openFleet()
  const long = await makeLongClip(fleet.dir, 2 * chunks, '160x120')
  const longer = await makeLongClip(fleet.dir, 16, '128x96')
  const short = await makeClip(fleet.dir, 'tiny.avi')
  const workers = names.map((name) => fleet.start(name, settings))
  for (const worker of workers) await worker.logged((line) => line.msg === 'worker is up')

  lecture = await send(long, lecturer, 1)
  await fleet.until('parts are done', () => received(lecture).filter(isPart).length > 2 * names.length)
  // The API sends its jobs without a group.
  clip = await send(short, student, 2)
  next = await send(longer, lecturer, 3)
  const { signal } = fleet
  await Promise.all([lecture, clip, next].map((jobId) => fleet.stack.waitFor(jobId, { signal })))
})
afterAll(() => fleet?.close())

describe('a clip behind thirty parts of another tenant’s video', () => {
  test('is delivered to the next slot that is free', () => {
    const all = fleet.stack.sqs.traffic
    const [sent, taken] = traffic(clip).map((passage) => all.indexOf(passage))
    const between = all.slice(sent, taken).filter(({ what }) => what === 'received')
    expect(between.length).toBeLessThanOrEqual(names.length)
    // It had the rest of them before it.
    const behind = all.slice(taken).filter((passage) => passage.what === 'received' && isPart(passage))
    expect(behind.length).toBeGreaterThan(chunks / 2)
  })

  test('and the video are both done, the clip first', () => {
    const ends = fleet.stack.api.calls.filter(({ name, status }) => name === 'complete' && status === 200)
    expect(ends.map(({ jobId }) => jobId)).toEqual([clip, lecture, next])
    const parts = received(lecture).filter(isPart)
    expect(new Set(parts.map(({ body }) => body)).size).toBe(chunks + 1)
  })
})

test('the join of a video is delivered before the parts of the same tenant’s next video', () => {
  const all = fleet.stack.sqs.traffic
  // The watch is a join, too, and sleeps for ten minutes.
  const [join] = received(lecture).filter(({ body }) => body.startsWith('{"kind":"join"'))
  const sent = all.findIndex(({ what, messageId }) => what === 'sent' && messageId === join!.messageId)
  const taken = all.indexOf(join!)
  const between = all.slice(sent, taken).filter(({ what }) => what === 'received')
  expect(between.length).toBeLessThanOrEqual(names.length)
  // Parts of the next had been waiting longer.
  const behind = received(next).filter((passage) => isPart(passage) && all.indexOf(passage) > taken)
  expect(behind.length).toBeGreaterThan(names.length)
})
