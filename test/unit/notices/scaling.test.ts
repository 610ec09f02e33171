import { afterEach, describe, expect, test } from '@jest/globals'
import { openScaling } from '../../../shared/scaling.ts'
import { createNoticeBoard } from '../../../worker/notices/board.ts'
import { createLifecycle } from '../../../worker/notices/lifecycle.ts'
import { type ScalingServerOptions, startScalingServer } from '../../local/auto-scaling.ts'
import { listen } from './said.ts'

const { signal } = new AbortController()
const group = 'workers'
const termination = { name: 'drain', transition: 'TERMINATING', heartbeatSeconds: 900 } as const
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const undo: (() => unknown)[] = []
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' }
afterEach(async () => {
  for (const step of undo.splice(0)) await step()
})

async function open(options: Partial<ScalingServerOptions> = {}, instanceId = 'i-1') {
  let target: string | undefined
  const server = await startScalingServer({
    ...{ group, hooks: [termination] },
    onTarget(_, state) {
      target = state
    },
    ...options,
  })
  server.add('i-1')
  const config = {
    awsRegion: 'ap-northeast-2',
    scaling: {
      ...{ endpoint: server.endpoint, group, hook: '', protection: 'auto' as const, idleSeconds: 60 },
    },
  }
  const scaling = await openScaling(config, { group, instanceId }, { credentials })
  undo.push(scaling.close, server.close)
  const actions = () => server.calls.map(({ action }) => action)
  return { server, scaling, actions, target: () => target }
}

describe('Auto Scaling', () => {
  test('protects an instance, and ends that', async () => {
    const { server, scaling } = await open()
    expect(await scaling.protect(true, signal)).toBe('done')
    expect([server.isProtected('i-1'), server.scaleIn('i-1')]).toEqual([true, false])
    expect(await scaling.protect(false, signal)).toBe('done')
    expect([server.isProtected('i-1'), server.scaleIn('i-1')]).toEqual([false, true])
  })

  test.each(['Terminating:Wait', 'Pending:Wait'])(
    'says that a %s instance is out of service',
    async (state) => {
      const { server, scaling } = await open()
      server.add('i-1', state)
      expect(await scaling.protect(true, signal)).toBe('out of service')
    },
  )

  test('tells the termination hooks alone, with their times', async () => {
    const launch = { name: 'boot', transition: 'LAUNCHING', heartbeatSeconds: 300 } as const
    const { scaling } = await open({ hooks: [launch, termination] })
    expect(await scaling.terminationHooks(signal)).toEqual([
      { name: 'drain', heartbeatSeconds: 900, globalSeconds: 90_000 },
    ])
  })

  test('prolongs and completes an action that is active, and says when none is', async () => {
    const { server, scaling } = await open()
    expect(await scaling.beat('drain', signal)).toBe('not active')
    expect(await scaling.complete('drain', signal)).toBe('not active')
    server.terminate('i-1')
    expect(await scaling.beat('drain', signal)).toBe('done')
    expect(await scaling.complete('drain', signal)).toBe('done')
    expect(server.state('i-1')).toBe('Terminating:Proceed')
    expect(await scaling.complete('drain', signal)).toBe('not active')
  })

  test('that throttles, fails or cuts the connection is asked again', async () => {
    const { server, scaling, actions } = await open()
    server.faults.failNext({}, { status: 400, code: 'Throttling' })
    server.faults.failNext({}, { status: 503 })
    server.faults.failNext({}, { reset: true })
    expect(await scaling.protect(true, signal)).toBe('done')
    expect(actions()).toHaveLength(3)
  })

  test('that refuses for want of a permission, or knows nothing of the instance, is not', async () => {
    const { server, scaling, actions } = await open()
    server.faults.failNext({}, { status: 403, code: 'AccessDenied' })
    await expect(scaling.protect(true, signal)).rejects.toMatchObject({ code: 'scaling_unavailable' })
    expect(actions()).toHaveLength(1)
    const { scaling: stranger } = await open({}, 'i-2')
    await expect(stranger.protect(true, signal)).rejects.toThrow('is not part of Auto Scaling group')
  })
})

describe('the life of an instance in its group', () => {
  async function life(options: Partial<ScalingServerOptions> = {}, hookName = '', drainSeconds = 90) {
    const opened = await open(options)
    const { logger, said } = listen()
    const board = createNoticeBoard(logger)
    const metadata = { get: async () => opened.target(), close() {} }
    const lifecycle = createLifecycle({
      ...{ metadata, board, logger, drainSeconds, hookName, scaling: opened.scaling, notActiveMs: 20 },
    })
    await lifecycle.findHook(signal)
    return { ...opened, board, lifecycle, said }
  }

  test('raises nothing while it is in service, and completes nothing at its goodbye', async () => {
    const { lifecycle, board, actions } = await life()
    await lifecycle.look(signal)
    await lifecycle.goodbye()
    expect([board.current(), actions()]).toEqual([undefined, ['DescribeLifecycleHooks']])
  })

  test('raises a notice when it is to be terminated, beats, and lets go at its goodbye', async () => {
    const { server, lifecycle, board, actions } = await life()
    server.terminate('i-1')
    await lifecycle.look(signal)
    expect(board.current()?.source).toBe('lifecycle')
    expect(board.current()?.seconds).toBeGreaterThan(75)
    while (actions().length < 2) await later(5)
    expect(server.state('i-1')).toBe('Terminating:Wait')
    await lifecycle.goodbye()
    expect(server.state('i-1')).toBe('Terminating:Proceed')
    expect(actions().slice(1)).toEqual(['RecordLifecycleActionHeartbeat', 'CompleteLifecycleAction'])
  })

  test('lets go too when a signal came first and nobody had looked', async () => {
    const { server, lifecycle } = await life()
    server.terminate('i-1')
    await lifecycle.goodbye()
    expect(server.state('i-1')).toBe('Terminating:Proceed')
  })

  test('is asked again for an action that Auto Scaling does not know of yet', async () => {
    const { server, lifecycle, actions } = await life()
    server.add('i-1', 'Terminating')
    const asked = () => actions().filter((action) => action === 'CompleteLifecycleAction').length
    const known = (async () => {
      while (asked() === 0) await later(5)
      server.add('i-1', 'Terminating:Wait')
    })()
    await Promise.all([lifecycle.goodbye(), known])
    expect(server.state('i-1')).toBe('Terminating:Proceed')
    expect(asked()).toBeGreaterThan(1)
  })

  test('whose hook cannot be prolonged must end before the hook does', async () => {
    const short = { ...termination, heartbeatSeconds: 60 }
    const { server, lifecycle, board } = await life({ hooks: [short] }, '', 3000)
    server.faults.failNext(
      { operation: 'RecordLifecycleActionHeartbeat' },
      { status: 403, code: 'AccessDenied' },
    )
    server.terminate('i-1')
    await lifecycle.look(signal)
    while ((board.current()?.seconds ?? 0) > 1000) await later(10)
    expect(board.current()?.seconds).toBeLessThanOrEqual(40)
    expect(board.current()?.seconds).toBeGreaterThan(25)
    await lifecycle.goodbye()
  })

  test('with several hooks wants the name of ours, without any says so', async () => {
    const other = { ...termination, name: 'ship-logs' }
    const several = await life({ hooks: [termination, other] })
    expect(several.said.map(({ msg }) => msg)).toEqual(['set LIFECYCLE_HOOK_NAME: which hook is ours?'])
    const named = await life({ hooks: [termination, other] }, 'drain')
    expect(named.said).toEqual([])
    const none = await life({ hooks: [] })
    expect(none.said.map(({ msg }) => msg)).toEqual([expect.stringContaining('no termination hook')])
    none.server.terminate('i-1')
    await none.lifecycle.goodbye()
    expect(none.actions()).not.toContain('CompleteLifecycleAction')
  })
})
