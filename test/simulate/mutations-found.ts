import type { Mutation } from './mutations.ts'

const claim = 'shared/lua/claim.lua'

/** Put back: defects that the simulation had found in the product. */
export const found: readonly Mutation[] = [
  {
    name: 'watch-starts-a-dead-job',
    file: claim,
    from: "local anew = tonumber(ARGV[7]) > tonumber(redis.call('HGET', record, 'began') or '0')",
    to: 'local anew = true',
    breaks: ['one-callback', 'attempts', 'ends'],
    likely: 434,
    within: 400,
  },
  {
    name: 'quick-end-leaves-its-count',
    file: 'worker/settle-record.ts',
    from: "if (answer === 'owing') await leaveBacklog(input)",
    to: '',
    breaks: ['backlog'],
    likely: 13,
    within: 50,
  },
  {
    name: 'unrecorded-part-is-counted-out',
    file: 'worker/slot.ts',
    from: 'const counted = work.identity.parent === undefined',
    to: 'const counted = true',
    breaks: ['backlog'],
    likely: 60,
    within: 400,
  },
  {
    name: 'ended-job-leaves-its-parts-counted',
    file: 'shared/lua/finish.lua',
    from: "if redis.call('HGET', part, 'state') == 'waiting' then",
    to: 'if false then',
    breaks: ['backlog'],
    likely: 27,
    within: 400,
  },
  // That such a part ends nothing and says nothing (`return`) no promise sees: whoever has the job ends it or shares it
  // anew, and then the part is sent again with all its attempts. test/integration/job/part.test.ts sees it.
  {
    name: 'part-gives-up-a-job-that-somebody-has',
    file: 'worker/job/part.ts',
    from: "if (claim.verdict === 'busy')",
    to: "if (claim.verdict === 'busy') return parent.fail(error, signal).then(() => park?.())\n      if (false)",
    breaks: ['one-callback', 'dead-letters', 'output'],
    likely: 4307,
    within: 200,
  },
  {
    name: 'part-ends-a-job-without-beats',
    file: 'worker/job/part.ts',
    from: 'const beats = every(',
    to: 'const beats = ((ms, beat, options) => ({ stop() {} }))(',
    breaks: ['attempts'],
    likely: 15_473,
    within: 200,
  },
  {
    name: 'late-part-of-an-ended-job-is-counted',
    file: 'shared/lua/enqueue.lua',
    from: "if job == 'done' or job == 'dead' or job == 'cancelled' then return 0 end",
    to: '',
    breaks: ['backlog'],
    likely: 14_719,
    within: 200,
  },
  {
    name: 'plan-keeps-the-names-of-the-one-before',
    file: 'worker/job/plan.ts',
    from: "const copy = isCopy(plan) ? copySeries : ''",
    to: "if (plan) return plan\n  const copy = ''",
    breaks: ['fault', 'output', 'half'],
    likely: 4549,
    within: 5000,
  },
  {
    name: 'dead-worker-leaves-the-ledger',
    file: 'worker/slot.ts',
    from: "if (claim.verdict === 'settled')\n",
    to: 'if (false)\n',
    breaks: ['leftovers'],
    likely: 187,
    within: 400,
  },
]
