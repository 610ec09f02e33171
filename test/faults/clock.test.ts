import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { makeLongClip } from '../fleet/clips.ts'
import { type Fleet, openFleet } from '../fleet/harness.ts'
import { injury } from './injured.ts'
import { encodersOf, signal } from './processes.ts'
import { chunked, expectKept, line, midEncode, sendJob, settled } from './promises.ts'

const tenantId = 25
let fleet: Fleet
let clip: string
beforeAll(async () => {
  fleet = await openFleet()
  clip = await makeLongClip(fleet.dir, 24, '320x180')
})
afterEach(() => fleet.stopWorkers())
afterAll(() => fleet?.close())

// Bucket and API of the stack refuse what is signed by a clock that is minutes off.
test.each([
  [5, 'forward'],
  [-5, 'back'],
])(
  'a wall clock that is set by %i hours in the middle of an encode is nothing to a job',
  async (hours, name) => {
    const worker = fleet.start(name, { ...chunked, ...injury('clock', String(hours * 3600)) })
    const job = await sendJob(fleet, clip, { tenantId, videoId: Math.abs(hours) + Number(hours > 0) })
    await midEncode(fleet, worker, job, 1)
    worker.kill('SIGUSR2')
    await fleet.until('the clock is set', () => worker.text().includes('injured: clock'))
    for (const { pid } of await encodersOf(name, job.jobId)) signal(pid, 'SIGCONT')
    const { time } = await settled(worker, job, 'done')
    expect(Math.round((Date.parse(time) - Date.now()) / 3600_000)).toBe(hours)
    expect(await line(worker, job, 'job started')).toMatchObject({ attempt: 1 })
    const starts = worker.log().filter(({ msg }) => msg === 'job started')
    expect(starts).toHaveLength(1)
    await expectKept(fleet, { jobs: [{ job, end: 'complete' }], workers: [name] })
  },
)
