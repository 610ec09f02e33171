/** The publisher as its image runs it: under Lambda's Runtime API, and over HTTP where there is no Lambda. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { serveRuntimeApi } from '../../../deploy/backlog/runtime-api.ts'
import { type LocalRuntime, serveLocally } from '../../../deploy/backlog/runtime-local.ts'
import { WorkerError } from '../../../shared/errors.ts'
import { type AwsScaling, startAwsScaling } from '../../local/aws-scaling.ts'
import { type Stack, startStack } from '../../local/stack.ts'
import { names, secrets } from '../../local/stack-env.ts'
import { root } from '../../unit/house/sources.ts'
import { type FakeRuntimeApi, startRuntimeApi } from './runtime-api.ts'

const undo: (() => unknown)[] = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})
async function lambda(): Promise<FakeRuntimeApi> {
  const api = await startRuntimeApi()
  undo.push(() => api.close())
  return api
}
const stopper = () => {
  const stop = new AbortController()
  undo.push(() => stop.abort(new Error('the test is over')))
  return stop
}

describe('under the Runtime API', () => {
  test('events are handled one after the other over one connection, each with the time that it has', async () => {
    const api = await lambda()
    const stop = stopper()
    const served = serveRuntimeApi({
      ...{ address: api.address, signal: stop.signal },
      handler: async (event, context) => ({ event, left: context.getRemainingTimeInMillis() }),
    })
    const first = await api.invoke('{"dry_run":true}', Date.now() + 30_000)
    expect(first).toMatchObject({ kind: 'response', body: { event: { dry_run: true } } })
    expect(first.body.left).toBeGreaterThan(0)
    expect(first.body.left).toBeLessThanOrEqual(30_000)
    expect((await api.invoke('{"n":2}')).body.event).toEqual({ n: 2 })
    expect(api.connections()).toBe(1)
    await api.waiting()
    stop.abort(new Error('stopped'))
    await served
  })

  test('a failure is told by its name, and the next event is taken', async () => {
    const api = await lambda()
    let count = 0
    void serveRuntimeApi({
      ...{ address: api.address, signal: stopper().signal },
      handler: async () => {
        count++
        if (count === 1) throw new WorkerError('config_invalid', 'no queue is named')
        if (count === 2) throw new TypeError('x is not a function')
        return undefined
      },
    })
    const named = await api.invoke('{}')
    expect(named).toMatchObject({ kind: 'error', errorType: 'config_invalid' })
    expect(named.body).toMatchObject({ errorType: 'config_invalid', errorMessage: 'no queue is named' })
    expect((await api.invoke('{}')).errorType).toBe('TypeError')
    expect((await api.invoke('{}')).body).toBeNull()
    expect(await api.invoke('{"cut off')).toMatchObject({ kind: 'error', errorType: 'SyntaxError' })
  })

  test('an answer that is too large is Lambda’s to report; one that is refused ends the process', async () => {
    const api = await lambda()
    const signal = stopper().signal
    const served = serveRuntimeApi({ address: api.address, signal, handler: async () => 'x' })
    api.answerWith(413)
    await api.invoke('{}')
    api.answerWith(500)
    await api.invoke('{}')
    await expect(served).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('500') })
    const refusing = createServer((_, response) => response.writeHead(403).end())
    await new Promise<void>((resolve) => refusing.listen(0, '127.0.0.1', resolve))
    undo.push(() => refusing.close())
    const address = `127.0.0.1:${(refusing.address() as { port: number }).port}`
    await expect(serveRuntimeApi({ address, signal, handler: async () => 'x' })).rejects.toMatchObject({
      message: expect.stringContaining('403'),
    })
  })
})

describe('over HTTP', () => {
  const path = '/2015-03-31/functions/function/invocations'
  async function local(handler: Parameters<typeof serveLocally>[0]['handler']): Promise<LocalRuntime> {
    const runtime = await serveLocally({ host: '127.0.0.1', port: 0, handler, limitMs: 1_000 })
    undo.push(() => runtime.close())
    return runtime
  }
  const post = async ({ port }: LocalRuntime, body: string, at = path) => {
    const response = await fetch(`http://127.0.0.1:${port}${at}`, { method: 'POST', body })
    const error = response.headers.get('x-amz-function-error')
    return { status: response.status, error, body: await response.json() }
  }

  test('an event is answered with the result, a failure as Lambda shows it', async () => {
    const runtime = await local(async (event) => {
      if ('fail' in event) throw new WorkerError('backlog_failed', 'the API could not count')
      return { event }
    })
    expect(await post(runtime, '{"a":1}')).toEqual({ status: 200, error: null, body: { event: { a: 1 } } })
    expect(await post(runtime, '')).toMatchObject({ status: 200, body: { event: {} } })
    expect(await post(runtime, '{"fail":1}')).toMatchObject({
      ...{ status: 200, error: 'Unhandled' },
      body: { errorType: 'backlog_failed', errorMessage: 'the API could not count' },
    })
    expect((await post(runtime, '{"a"')).status).toBe(400)
    expect((await post(runtime, `"${'x'.repeat(6 * 1024 * 1024)}"`)).status).toBe(400)
    expect((await post(runtime, '{}', '/')).status).toBe(404)
  })

  test('one is handled at a time', async () => {
    let running = 0
    let most = 0
    const runtime = await local(async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 20))
      running--
    })
    await Promise.all([1, 2, 3].map(() => post(runtime, '{}')))
    expect(most).toBe(1)
  })
})

describe('as the image’s process', () => {
  let dir: string
  let stack: Stack
  let aws: AwsScaling
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'backlog-runtime-'))
    ;[stack, aws] = await Promise.all([startStack({ dir, events: false }), startAwsScaling()])
    aws.groups.set('video-workers', ['InService'])
  })
  afterAll(async () => {
    await aws?.close()
    await stack?.close()
    await rm(dir, { recursive: true, force: true })
  })

  const environment = () => ({
    VIDEO_BACKLOG_API_INTERNAL: `${stack.api.baseUrl}/api/v1/internal/video/backlog-count/`,
    LAMBDA_INTERNAL_API_KEY: secrets.internalKey,
    AUTO_SCALING_GROUP_NAME: 'video-workers',
    VIDEO_SQS_QUEUE_NAME: names.queue,
    AWS_REGION: names.region,
    AWS_ENDPOINT_URL_SQS: stack.sqs.endpoint,
    AWS_ENDPOINT_URL_CLOUDWATCH: aws.endpoint,
    AWS_ENDPOINT_URL_AUTO_SCALING: aws.endpoint,
    ...{ AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local', AWS_EC2_METADATA_DISABLED: 'true' },
  })
  function start(env: Record<string, string>, args: string[] = []): ChildProcess {
    const program = join(root, 'deploy/backlog/main-runtime.ts')
    const child = spawn(process.execPath, [program, ...args], { env })
    undo.push(() => child.kill('SIGKILL'))
    return child
  }

  test('it publishes what Lambda asks for, and names what is wrong with its configuration', async () => {
    const api = await lambda()
    start({ ...environment(), AWS_LAMBDA_RUNTIME_API: api.address })
    const dry = await api.invoke('{"dry_run":true}')
    expect(dry).toMatchObject({ kind: 'response', body: { video_backlog_count: 0, dry_run: true } })
    expect(aws.data).toEqual([])
    expect((await api.invoke('{"source":"aws.events"}')).body.published).toHaveLength(3)
    expect(aws.data).toHaveLength(3)
    const other = await lambda()
    start({ AWS_REGION: names.region, AWS_LAMBDA_RUNTIME_API: other.address })
    expect(await other.invoke('{}')).toMatchObject({ kind: 'error', errorType: 'config_invalid' })
  })

  test('without Lambda it is invoked over HTTP, and ends by SIGTERM', async () => {
    const child = start(environment(), ['--listen', '127.0.0.1:0'])
    const closed = once(child, 'close')
    const [said] = await once(child.stderr!, 'data')
    const port = /127\.0\.0\.1:(\d+)/.exec(String(said))?.[1]
    const url = `http://127.0.0.1:${port}/2015-03-31/functions/function/invocations`
    const response = await fetch(url, { method: 'POST', body: '{"dry_run":true}' })
    expect(await response.json()).toMatchObject({ video_backlog_count: 0, dry_run: true })
    child.kill('SIGTERM')
    expect(await closed).toEqual([0, null])
    const wrong = start({}, ['--listen', 'nowhere'])
    expect((await once(wrong, 'close'))[0]).toBe(78)
  })
})
