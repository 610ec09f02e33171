/** The ledger of a run for people: the same lines in the terminal and in docs/chaos.md. Pure. */
import { markdownTable } from '../../shared/markdown.ts'
import { heldLines } from './held.ts'
import { endOf, type JobEnd } from './ledger.ts'
import type { ChaosResult } from './run.ts'
import { beatSeconds } from './settle.ts'

const ends: readonly JobEnd[] = ['complete', 'rejected', 'dead', 'cancelled', 'deleted', 'open']

export function ledgerLines(result: ChaosResult): string[] {
  const { options, balance, facts, strikes, settled, repaired, workerStarts } = result
  const { jobs, ended, callbacks, forgotten, breaches } = balance
  const kinds = [...new Set(facts.jobs.map(({ source }) => source))].sort()
  const rows = kinds.map((kind) => {
    const of = facts.jobs.filter(({ source }) => source === kind)
    return [kind, of.length, ...ends.map((end) => of.filter((job) => endOf(job) === end).length)].map(String)
  })
  const sum = ['all', jobs, ...ends.map((end) => ended[end])].map(String)
  const hits = Object.values(strikes).reduce((total, hit) => total + hit, 0)
  const [waiting, dead] = [
    facts.queue.waiting + facts.queue.inFlight + facts.queue.delayed,
    facts.deadLetters,
  ]
  const parked = new Set(dead.map(({ body }) => body)).size
  const counters = facts.backlog.map(({ count, recount }) => `${count} (recount ${recount})`)
  const there = facts.jobs.filter((job) => job.deletedMs === undefined)
  const heard = there.reduce((total, job) => total + job.ends.length, 0)
  return [
    `seed ${options.seed}: ${options.jobs} jobs, ${options.workers} workers, ${options.seconds} s of weather`,
    '',
    ...markdownTable(['source', 'in', ...ends], [...rows, sum]).split('\n'),
    '',
    ...heldLines(result.samples),
    `callbacks: ${heard} of ${there.length} jobs whose video is there, ${callbacks - heard} of deleted ones before; ${forgotten} second ones, since Redis forgot the first`,
    `queue: ${waiting}; backlog: ${counters.join(', ')}; dead letters: ${parked}, of ${facts.poison.length} poison and ${ended.dead} dead`,
    `left over: ${facts.processes.length} processes, ${facts.scratch.length} scratch folders, ${facts.uploads.length} open uploads, ${facts.jobs.flatMap(({ strays }) => strays).length} objects`,
    `injuries that hit: ${hits} (${told(strikes)})`,
    `workers started: ${workerStarts}; quiet after ${settled.beats} beats of ${beatSeconds} s, at most ${settled.limit}`,
    `the reconciler mended: ${told(repaired) || 'nothing'}; afterwards ${told(counted(settled.afterwards)) || 'nothing'}`,
    ...breaches.map(
      ({ rule, what, jobId }) => `DOES NOT BALANCE: ${rule}: ${what}${jobId ? ` (job ${jobId})` : ''}`,
    ),
    breaches.length === 0
      ? 'It balances.'
      : `${breaches.length} do not balance; seed ${options.seed}, logs in ${result.logs}`,
  ]
}

function told(counts: Readonly<Partial<Record<string, number>>>): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')
}

function counted(all: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const each of all) counts[each] = (counts[each] ?? 0) + 1
  return counts
}
