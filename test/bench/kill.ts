/**
 * One job whose worker is killed with -9 again and again, at random moments: what each kill costs, and whether the
 * video is whole in the end. Leases are short here, so that the wait for the message does not fill the time; and a
 * job may crash more often than production allows, since it is its chunks that are tried. About four minutes.
 */
import { join } from 'node:path'
import { sleep } from '../../shared/time.ts'
import type { Fleet } from '../fleet/harness.ts'
import { chance } from './chance.ts'
import { atMost, type BenchInput, type Figures, median, toldOnly } from './figures.ts'
import { judge, type Verdict } from './judge.ts'
import { type Life, type Lost, lostPerKill, readLife, wholeSeconds } from './lives.ts'
import { makeSource } from './sources.ts'
import { linesOf, tenantId, withFleet } from './timed.ts'

const sizes = {
  full: { seconds: 240, height: 360, chunkSeconds: 12, kills: 10 },
  small: { seconds: 60, height: 240, chunkSeconds: 6, kills: 2 },
}
/** A kill comes within the time of so many chunks: before, in and between them, and in their uploads. */
const withinChunks = 2

export async function measureKill(input: BenchInput): Promise<Figures> {
  const { env, folder, say, signal, small, seed } = input
  const size = small ? sizes.small : sizes.full
  const source = await makeSource(size, { env, signal })
  const random = chance(seed)
  say(`seed ${seed}`)
  return withFleet(signal, async (fleet) => {
    const kills: Lost[] = []
    const verdicts: Verdict[] = []
    // One job has room for all kills, unless they come late in every chunk.
    while (kills.length < size.kills) {
      const videoId = verdicts.length + 1
      const fileKey = await fleet.stack.upload(source, { tenantId, videoId })
      const jobId = await fleet.stack.sendJob({ tenantId, videoId, fileKey })
      const lives = await liveAndDie(
        fleet,
        jobId,
        { ...size, kills: size.kills - kills.length },
        random,
        input,
      )
      kills.push(...lostPerKill(lives).filter((_, index) => lives[index]!.killedMs !== undefined))
      await fleet.stopWorkers()
      verdicts.push(await judge(fleet, { jobId, source }, join(folder, `kept-${videoId}`), signal))
    }
    for (const [index, { parts, begunAgain }] of kills.entries())
      say(`kill ${index + 1}: ${parts.toFixed(2)} of a chunk again, ${begunAgain} begun again`)
    const problems = verdicts.flatMap((verdict) => verdict.problems)
    for (const problem of problems) say(problem)
    if (verdicts.some((verdict) => verdict.checks === 0)) say('the checker is not beside the checkout')
    const worst = Math.max(...kills.map(({ parts }) => parts))
    return {
      kill_reencoded: atMost(
        worst,
        1,
        `chunks (of ${size.chunkSeconds} s) encoded again, worst of ${kills.length} kills`,
      ),
      kill_reencoded_median: toldOnly(median(kills.map(({ parts }) => parts)), 'chunks encoded again'),
      kill_frames_off: atMost(
        Math.max(...verdicts.map((each) => each.framesOff)),
        0,
        'pictures off the source’s number',
      ),
      kill_problems: atMost(
        problems.length,
        0,
        `problems of the output (${verdicts[0]!.checks} checks by the checker)`,
      ),
    }
  })
}

/**
 * Worker after worker on one job, each killed at its moment, until it was often enough or the job has ended; the
 * last one lives.
 */
async function liveAndDie(
  fleet: Fleet,
  jobId: string,
  { chunkSeconds, kills }: { chunkSeconds: number; kills: number },
  random: () => number,
  { say, signal }: BenchInput,
): Promise<Life[]> {
  const settings = {
    ...{ FANOUT: 'never', CHUNK_SECONDS: String(chunkSeconds), HLS_TIME_SECONDS: '4' },
    ...{ LEASE_VISIBILITY_SECONDS: '5', LEASE_BEAT_SECONDS: '1', LEASE_MIN_SLACK_SECONDS: '2' },
    VIDEO_JOB_MAX_CRASHES: '100',
  }
  const lives: Life[] = []
  for (;;) {
    const worker = fleet.start(`${jobId}-${lives.length}`, settings)
    await worker.logged(({ msg, job }) => msg === 'job started' && job === jobId)
    // How long a chunk takes here is known when the first worker has encoded one.
    if (lives.length === 0) await worker.logged(({ msg, job }) => msg === 'chunk encoded' && job === jobId)
    const soFar = [...lives, readLife(linesOf([worker], jobId), undefined)]
    const momentMs = random() * withinChunks * 1000 * median(wholeSeconds(soFar))
    const settled = worker.logged(({ msg, job }) => msg === 'job settled' && job === jobId)
    await (lives.length < kills ? Promise.race([sleep(momentMs, { signal }), settled]) : settled)
    const ended = linesOf([worker], jobId).some(({ msg }) => msg === 'job settled')
    if (ended) return [...lives, readLife(linesOf([worker], jobId), undefined)]
    worker.kill('SIGKILL')
    const killedMs = Date.now()
    await worker.ended
    say(`killed after ${(momentMs / 1000).toFixed(2)} s`)
    lives.push(readLife(linesOf([worker], jobId), killedMs))
  }
}
