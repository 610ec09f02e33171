import { found } from './mutations-found.ts'

/** Planted bugs: each takes one guard of the product away, and names the promises of which one must then be broken. */
export interface Mutation {
  readonly name: string
  /** From the project's folder. */
  readonly file: string
  /** As it is there once the types are blanked. */
  readonly from: string
  readonly to: string
  /** Invariants: docs/simulation.md. */
  readonly breaks: readonly string[]
  /** A seed that found it: tried first. */
  readonly likely: number
  /** Of so many seeds, from 1 on, one finds it, whatever becomes of the likely one. */
  readonly within: number
}

const settle = 'worker/settle.ts'
const claim = 'shared/lua/claim.lua'
const release = 'shared/lua/release.lua'

export const mutations: readonly Mutation[] = [
  {
    name: 'ack-before-callback',
    file: settle,
    from: 'const answer = await ending.complete(outcome.result, signal)',
    to: 'await queue.delete(delivery.receiptHandle, signal)\n      const answer = await ending.complete(outcome.result, signal)',
    breaks: ['lost'],
    likely: 1,
    within: 5,
  },
  {
    name: 'unguarded-decr',
    file: claim,
    from: "if waiting == '1' then leave_backlog(record, counter, now) end",
    to: 'leave_backlog(record, counter, now)',
    breaks: ['backlog'],
    likely: 3,
    within: 20,
  },
  {
    name: 'backlog-below-zero',
    file: 'shared/lua/prelude.lua',
    from: "if tonumber(redis.call('GET', counter) or '0') > 0 then\n    redis.call('DECR', counter)",
    to: "if true then\n    redis.call('DECR', counter)",
    breaks: ['backlog'],
    likely: 1,
    within: 20,
  },
  {
    name: 'retry-without-incr',
    file: release,
    from: "if held[3] ~= '1' then join_backlog(record, counter, now_ms()) end",
    to: '',
    breaks: ['backlog'],
    likely: 3,
    within: 20,
  },
  {
    name: 'failed-beats-count-as-good',
    file: 'worker/lease.ts',
    from: '    } catch (error) {\n      if (error instanceof WorkerError && error.kind',
    to: '    } catch (error) {\n      heldFromMs = sentMs\n      return config.beatSeconds * 1000\n      if (error instanceof WorkerError && error.kind',
    breaks: ['after-lease'],
    likely: 985,
    within: 3000,
  },
  {
    name: 'refused-beat-is-no-loss',
    file: 'worker/lease.ts',
    from: "if (error instanceof WorkerError && error.kind === 'lost') {\n        end(error)",
    to: "if (error instanceof WorkerError && error.kind === 'lost' && ended) {\n        end(error)",
    breaks: ['after-lease'],
    likely: 2782,
    within: 3000,
  },
  {
    name: 'status-without-fencing-token',
    file: 'shared/lua/fenced-set.lua',
    from: "if held[1] and (held[1] ~= ARGV[1] or held[2] ~= 'running') then return 0 end",
    to: '',
    breaks: ['fencing'],
    likely: 142,
    within: 400,
  },
  {
    name: 'late-part-says-processing',
    file: 'shared/lua/fenced-set.lua',
    from: "if job == 'done' or job == 'dead' or job == 'cancelled' then return 0 end",
    to: '',
    breaks: ['fencing'],
    likely: 12,
    within: 400,
  },
  {
    name: 'delete-by-a-stale-attempt',
    file: settle,
    from: "case 'lost': {\n      await input.lease.stop()",
    to: "case 'lost': {\n      await input.lease.stop()\n      await queue.delete(delivery.receiptHandle, new AbortController().signal)",
    breaks: ['lost'],
    likely: 985,
    within: 200,
  },
  {
    name: 'hand-back-by-a-stale-attempt',
    file: release,
    from: "if held[1] ~= ARGV[1] or held[2] ~= 'running' then return 0 end",
    to: '',
    breaks: ['backlog', 'attempts', 'one-callback'],
    likely: 177,
    within: 400,
  },
  {
    name: 'hand-back-not-visible-at-once',
    file: settle,
    from: 'instant ? 0 :',
    to: 'instant ? 60 :',
    breaks: ['hand-back'],
    likely: 10,
    within: 50,
  },
  {
    name: 'hand-back-spends-an-attempt',
    file: settle,
    from: "return giveBack('releases', instant",
    to: "return giveBack('failures', instant",
    breaks: ['attempts'],
    likely: 5,
    within: 50,
  },
  {
    name: 'expired-lease-not-taken-over',
    file: claim,
    from: "if left > 0 then return { 'busy', left } end",
    to: "do return { 'busy', math.max(left, 1000) } end",
    breaks: ['ends'],
    likely: 3,
    within: 30,
  },
  {
    name: 'live-lease-taken-over',
    file: claim,
    from: "if left > 0 then return { 'busy', left } end",
    to: '',
    breaks: ['attempts', 'after-lease', 'one-callback'],
    likely: 103,
    within: 200,
  },
  {
    name: 'master-before-media-playlists',
    file: 'worker/job/put-online.ts',
    from: '  await Promise.all([\n    ...(poster',
    to: '  await put(spec.folder + master.name, master.text)\n  await Promise.all([\n    ...(poster',
    breaks: ['half'],
    likely: 1,
    within: 5,
  },
  {
    name: 'plan-written-over',
    file: 'worker/chunk/ledger.ts',
    from: 'onlyIfAbsent: true',
    to: 'onlyIfAbsent: false',
    breaks: ['output', 'half', 'fault'],
    likely: 827,
    within: 3000,
  },
  {
    name: 'given-up-without-a-copy',
    file: settle,
    from: '() => queue.park(parked,',
    to: '() => ((...unused) => unused)(parked,',
    breaks: ['dead-letters'],
    likely: 5,
    within: 50,
  },
  ...found,
]
