import { describe, expect, test } from '@jest/globals'
import { reasonCode } from '../../../deploy/commands/dead-letters.ts'
import { judgeClock } from '../../../deploy/commands/doctor-clocks.ts'
import { judgeServer } from '../../../deploy/commands/doctor-redis.ts'
import { checkTimeouts } from '../../../deploy/commands/doctor-timeouts.ts'
import { transcodeBody } from '../../../deploy/commands/enqueue.ts'
import { findingLines, takeNotes } from '../../../deploy/commands/finding.ts'
import { alignRows, duration, short, wrapText } from '../../../deploy/commands/format.ts'
import { type FleetStatus, statusLines } from '../../../deploy/commands/status-view.ts'
import { describeTarget, readTarget } from '../../../deploy/commands/target.ts'
import { loadConfig } from '../../../shared/config.ts'
import { partBody } from '../../../shared/message-parts.ts'
import { queueDifferences } from '../../../shared/queue-needs.ts'
import { required } from '../shared/config-required.ts'

const config = loadConfig(required)
const jobId = '0b7c2a4e-8f7e-4b53-9a53-111111111111'
const transcode = transcodeBody({
  ...{ jobId, videoId: 12, tenantId: 7, fileKey: 'tenants/7/video/raw/s/u.mp4' },
  ...{ createdAt: '2026-02-03T04:05:06.000Z', profile: undefined },
})

describe('text for people', () => {
  test.each([
    [0, '0s'],
    [59.6, '1m'],
    [100, '1m 40s'],
    [7500, '2h 5m'],
    [90_000, '1d 1h'],
    [86_400, '1d'],
    [-5, '0s'],
    [null, '-'],
    [Number.NaN, '-'],
  ])('%p seconds are %s', (seconds, words) => expect(duration(seconds)).toBe(words))

  test('stands in columns without trailing spaces', () => {
    const rows = [
      ['a', 'bbb', 'c'],
      ['aaaa', '', 'cc'],
      ['a', '', ''],
    ]
    expect(alignRows(rows)).toEqual(['a     bbb  c', 'aaaa       cc', 'a'])
  })

  test('moves no cursor and is cut', () => {
    expect(short('a\u001b[2Jb\nc', 20)).toBe('a [2Jb c')
    expect(short('abcdef', 4)).toBe('abc…')
    expect(wrapText('aa bb cc', 5)).toEqual(['aa bb', 'cc'])
  })
})

describe('the body of a message', () => {
  test('is what the API sends', () => {
    expect(transcode).toBe(
      `{"job_id":"${jobId}","video_id":12,"tenant_id":7,"file_key":"tenants/7/video/raw/s/u.mp4","created_at":"2026-02-03T04:05:06.000Z"}`,
    )
  })

  test('says whose it is', () => {
    const whole = readTarget(transcode, config)
    expect(whole).toMatchObject({ jobId, kind: 'transcode', part: undefined, body: transcode })
    const part = readTarget(partBody(transcode, { type: 'chunk', index: 3 }), config)
    expect(part).toEqual({ ...whole, part: 'chunk-3' })
    expect(readTarget(partBody(transcode), config)).toEqual({ ...whole, part: 'join' })
    expect(describeTarget(whole)).toBe('tenant 7, video 12')
    expect(readTarget('x', config)).toBeUndefined()
    expect(readTarget('{"Event":"s3:TestEvent"}', config)).toBeUndefined()
  })

  test.each([
    [undefined, 'receives'],
    ['encode_failed: it broke', 'encode_failed'],
    ['not JSON: "x"', 'poison'],
    ['file_key is missing', 'poison'],
    ['constructor: x', 'poison'],
  ])('that was parked with %p is listed under %s', (reason, code) => expect(reasonCode(reason)).toBe(code))
})

const busy = {
  ...{ state: 'busy' as const, jobId, kind: 'transcode', attempt: 2, stage: 'transcoding', percent: 61 },
  ...{ remainingSeconds: 340, seconds: 100, leaseSlackSeconds: 95 },
}
const worker = {
  ...{ workerId: 'i-1', version: '0.1.0', host: 'h', pid: 1, state: 'running', configHash: 'aaaabbbbcccc' },
  ...{ startedAt: '2026-02-03T04:00:00.000Z', reportedAt: '2026-02-03T06:05:00.000Z' },
  ...{ apiAuthorized: true, scratchFree: true, slots: [busy, { state: 'idle' as const }] },
}
const line = {
  ...{
    jobId,
    state: 'running',
    kind: 'transcode',
    tenantId: 7,
    videoId: 12,
    stage: 'transcoding',
    percent: 61,
  },
  ...{ remainingSeconds: 340, worker: 'i-1', leaseLeftSeconds: 95, parts: null, cancelAsked: false },
  ...{ starts: 2, failures: 1, crashes: 0, releases: 0 },
}
const status: FleetStatus = {
  ...{ at: '2026-02-03T06:05:00.000Z', problems: [] },
  queue: { name: 'jobs', waiting: 3, inFlight: 1, delayed: 0 },
  deadLetters: { name: 'jobs-dlq', count: 2 },
  backlog: { total: 3, tenants: { 7: 1, 9: 2 } },
  workers: [worker, { ...worker, workerId: 'i-22', apiAuthorized: false, slots: [{ state: 'idle' }] }],
  jobs: [
    line,
    {
      ...line,
      ...{
        jobId: '5',
        state: 'fanned',
        parts: { total: 90, done: 12, running: 4 },
        worker: null,
        leaseLeftSeconds: null,
      },
    },
    {
      ...line,
      jobId: '6',
      leaseLeftSeconds: -3,
      cancelAsked: true,
      kind: null,
      tenantId: null,
      videoId: null,
    },
  ],
  ...{ moreJobs: 1, ended: { done: 1204, dead: 3, cancelled: 1 } },
}

describe('status', () => {
  test('is one picture of the fleet', () =>
    expect(`\n${statusLines(status).join('\n')}`).toMatchInlineSnapshot(`
"
queue jobs: 3 waiting, 1 in flight, 0 delayed
dead letters jobs-dlq: 2
backlog: 3 (tenant 9: 2, tenant 7: 1)
ended in 15 days: 1204 done, 3 dead, 1 cancelled

WORKER  STATE                    SLOTS  UP     VERSION  CONFIG        DOES
i-1     running                  1/2    2h 5m  0.1.0    aaaabbbbcccc  0b7c2a4e-8f7e-4b53-9a53-111111111111 transcoding 61 %
i-22    running (token refused)  0/1    2h 5m  0.1.0    aaaabbbbcccc  -

JOB                                   STATE             TENANT  VIDEO  STAGE        DONE  LEFT    PARTS              LEASE    STARTS                   WORKER
0b7c2a4e-8f7e-4b53-9a53-111111111111  running           7       12     transcoding  61 %  5m 40s  -                  1m 35s   2 (1 failed, 0 crashed)  i-1
5                                     fanned            7       12     transcoding  61 %  5m 40s  12/90 (4 running)  -        2 (1 failed, 0 crashed)  -
6                                     running (cancel)  -       -      transcoding  61 %  5m 40s  -                  expired  2 (1 failed, 0 crashed)  i-1
… and 1 job more (--limit)"
`))

  test('says what is not there, and what could not be had', () => {
    const { queue: _, ...rest } = status
    const text = statusLines({ ...rest, workers: [], jobs: [], moreJobs: 0, problems: ['no answer'] }).join(
      '\n',
    )
    expect(text).toContain('not to be had: no answer')
    expect(text).toContain('no worker has reported')
    expect(text).toContain('no job is under way')
  })
})

describe('doctor', () => {
  test('says on each line what to do', () => {
    const notes = takeNotes('redis')
    notes.ok('a:1', 'answers')
    notes.fail('a:1', 'it is a slave', 'name the primary')
    expect(findingLines(notes.findings)).toEqual([
      'ok    redis  a:1  answers',
      'fail  redis  a:1  it is a slave',
      '      → name the primary',
      '',
      '1 ok, 0 warn, 1 fail',
    ])
  })

  test.each([
    [{}, []],
    [{ redis_version: '4.0.14' }, ['fail']],
    [{ role: 'slave' }, ['fail']],
    [{ cluster_enabled: '1' }, ['fail']],
    [{ maxmemory_policy: 'allkeys-lru' }, ['warn']],
    [{ maxmemory_policy: 'volatile-ttl' }, ['warn']],
    [{ maxmemory: '1000', used_memory: '950' }, ['warn']],
  ])('a Redis with %p', (more, levels) => {
    const notes = takeNotes('redis')
    const well = { redis_version: '7.2.4', role: 'master', maxmemory_policy: 'noeviction' }
    judgeServer(new Map(Object.entries({ ...well, ...more })), notes, 'a:1')
    expect(notes.findings.map(({ level }) => level).filter((level) => level !== 'ok')).toEqual(levels)
  })

  test.each([
    [0, 'ok'],
    [-5, 'ok'],
    [30, 'warn'],
    [-241, 'fail'],
    [undefined, 'warn'],
  ])('a clock that is %p s ahead', (skew, level) => {
    const notes = takeNotes('clock')
    judgeClock('SQS', skew, notes)
    expect(notes.findings).toMatchObject([{ level }])
  })

  test('the default timeouts fit each other, and each of these does not', () => {
    const levels = (change: Partial<typeof config>) => {
      const notes = takeNotes('timeouts')
      checkTimeouts({ ...config, ...change }, notes)
      return notes.findings.filter(({ level }) => level !== 'ok').map(({ what }) => what)
    }
    expect(levels({})).toEqual([])
    expect(levels({ drainSeconds: 200 })).toEqual(['drain'])
    expect(levels({ drainSeconds: 25 })).toEqual(['drain'])
    expect(levels({ api: { ...config.api, tries: 20, timeoutSeconds: 60 } })).toEqual(['report'])
    expect(levels({ api: { ...config.api, heartbeatSeconds: 30 } })).toEqual(['heartbeat'])
    expect(levels({ stall: { ...config.stall, stageSeconds: 30 } })).toEqual(['report', 'probe'])
  })

  test('a queue with attributes of its own is told each difference', () => {
    const good = {
      visibilitySeconds: 120,
      retentionSeconds: 1_209_600,
      maxReceiveCount: 50,
      deadLetterArn: 'arn',
    }
    const counts = { waiting: 0, inFlight: 0, delayed: 0 }
    expect(queueDifferences({ ...good, ...counts }, config.lease)).toEqual([])
    const odd = { ...counts, visibilitySeconds: 20, retentionSeconds: 60, maxReceiveCount: 3 }
    expect(queueDifferences(odd, config.lease)).toHaveLength(4)
  })
})
