import { existsSync } from 'node:fs'
import { chmod, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type Fleet, openFleet } from './harness.ts'

// A worker that cannot work says why in one line and exits: 78 is a wrong configuration, 69 something away.
let fleet: Fleet
beforeAll(async () => {
  fleet = await openFleet()
})
afterAll(() => fleet?.close())

async function boot(name: string, env: Record<string, string | undefined>): Promise<[string, string]> {
  const worker = fleet.start(name, env)
  const how = await worker.ended
  return [
    how,
    worker
      .text()
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('{'))
      .join('\n'),
  ]
}

describe('a worker with a wrong configuration exits with 78', () => {
  test('and lists every problem at once', async () => {
    const [how, said] = await boot('empty', {
      API_BASE_URL: undefined,
      R2_SECRET_KEY: '',
      REDIS_PORT: 'many',
    })
    expect(how).toBe('exit code 78')
    for (const name of ['API_BASE_URL', 'R2_SECRET_KEY', 'REDIS_PORT']) expect(said).toContain(name)
  })

  test('when the queue does not exist', async () => {
    const [how, said] = await boot('no-queue', { VIDEO_SQS_QUEUE_NAME: 'nobody-made-this' })
    expect([how, said]).toEqual(['exit code 78', expect.stringContaining('nobody-made-this')])
  })

  test('when the bucket does not know the credentials, or is not there', async () => {
    const [how, said] = await boot('no-key', { R2_SECRET_KEY: 'wrong' })
    expect([how, said]).toEqual(['exit code 78', expect.stringContaining('bucket')])
    const [gone, why] = await boot('no-bucket', { R2_BUCKET: 'nobody-made-this' })
    expect([gone, why]).toEqual(['exit code 78', expect.stringContaining('no such bucket')])
  })

  test('when ffmpeg is not there, or lacks an encoder', async () => {
    const [how, said] = await boot('no-ffmpeg', { FFMPEG_BIN: '/nowhere/ffmpeg' })
    expect([how, said]).toEqual(['exit code 78', expect.stringContaining('FFMPEG_BIN /nowhere/ffmpeg')])
    const poor = join(fleet.dir, 'poor-ffmpeg')
    await writeFile(poor, '#!/bin/sh\nexec ffmpeg "$@" | sed s/libx264/libnothing/g\n')
    await chmod(poor, 0o755)
    const [, lacks] = await boot('poor-ffmpeg', { FFMPEG_BIN: poor })
    expect(lacks).toContain('lacks encoder libx264')
  })

  test('when ffmpeg can do nothing with the memory that it may have', async () => {
    const [how, said] = await boot('no-memory', { FFMPEG_MEMORY_LIMIT_MB: '40' })
    expect([how, said]).toEqual(['exit code 78', expect.stringContaining('FFMPEG_MEMORY_LIMIT_MB=40')])
  })

  test('when scratch cannot be written, or is too small', async () => {
    const file = join(fleet.dir, 'a-file')
    await writeFile(file, '')
    const [how, said] = await boot('no-scratch', { VIDEO_WORKER_TEMP_DIR: join(file, 'scratch') })
    expect([how, said]).toEqual(['exit code 78', expect.stringContaining(join(file, 'scratch'))])
    const [, small] = await boot('full', { SCRATCH_MIN_FREE_MB: '999999999' })
    expect(small).toContain('SCRATCH_MIN_FREE_MB')
  })

  test('when its profiles are not in order', async () => {
    const profiles = join(fleet.dir, 'profiles.json')
    await writeFile(profiles, '{"cinema": {"rungs": "many"}}')
    const [how, said] = await boot('profiles', { PROFILES_FILE: profiles })
    expect([how, said]).toEqual(['exit code 78', expect.stringContaining('cinema')])
    const [missing, why] = await boot('no-profiles', { PROFILES_FILE: '/nowhere/profiles.json' })
    expect([missing, why]).toEqual([
      'exit code 78',
      expect.stringMatching(/^PROFILES_FILE \/nowhere\/profiles\.json .*$/),
    ])
  })

  test('when its HTTP port is taken', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => taken.once('listening', resolve))
    const { port } = taken.address() as AddressInfo
    const [how, said] = await boot('no-port', { HTTP_PORT: String(port) })
    expect([how, said]).toEqual([
      'exit code 78',
      expect.stringMatching(`^HTTP_HOST .* HTTP_PORT ${port} .*$`),
    ])
    await new Promise((resolve) => taken.close(resolve))
  })
})

test('a worker whose queue does not answer waits a bounded time, then exits with 69', async () => {
  const [how, said] = await boot('no-sqs', {
    AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:9',
    BOOT_WAIT_SECONDS: '3',
  })
  expect(how).toBe('exit code 69')
  expect(said).toContain('queue')
})

test('a worker that the bucket refuses (403) waits for its rights as long, then exits with 69', async () => {
  const refused = fleet.stack.s3.faults.failNext(
    { key: /\.video-worker\/boot\// },
    { status: 403, times: Number.POSITIVE_INFINITY },
  )
  const [how, said] = await boot('refused', { BOOT_WAIT_SECONDS: '1' })
  expect([how, said]).toEqual(['exit code 69', expect.stringContaining('AccessDenied')])
  const hits = refused.hits()
  const patient = fleet.start('patient')
  await fleet.until('it was refused, too', () => refused.hits() > hits)
  refused.remove()
  await patient.logged(({ msg }) => msg === 'worker is up')
})

test('a worker whose ffmpeg is killed at the boot tries again, then exits with 69: a restart helps', async () => {
  const mortal = join(fleet.dir, 'mortal-ffmpeg')
  const flag = join(fleet.dir, 'was-killed')
  const script = (again: string) =>
    `#!/bin/sh\n[ -e ${flag} ] ${again} || { touch ${flag}; kill -9 $$; }\nexec ffmpeg "$@"\n`
  await writeFile(mortal, script(''), { mode: 0o755 })
  const once = fleet.start('killed-once', { FFMPEG_BIN: mortal })
  await once.logged((line) => line.msg === 'worker is up')
  expect(existsSync(flag)).toBe(true)

  await writeFile(mortal, script('&& false'))
  const [how, said] = await boot('killed-always', { FFMPEG_BIN: mortal })
  expect([how, said]).toEqual(['exit code 69', expect.stringContaining('ended by SIGKILL')])
})

test('what the live queue lacks is said, and does not stop the boot', async () => {
  const worker = fleet.start('attributes')
  await worker.logged((line) => line.msg === 'worker is up')
  const warnings = worker.log().filter((line) => String(line.msg).startsWith('queue attributes'))
  // The embedded queue is as the worker wants it; the drift itself is provoked in the unit test.
  expect(warnings).toEqual([])
})

test('SIGTERM during the boot ends it cleanly', async () => {
  const worker = fleet.start('impatient', { AWS_ENDPOINT_URL_SQS: 'http://127.0.0.1:9' })
  await worker.logged((line) => line.msg === 'effective configuration')
  worker.kill('SIGTERM')
  expect(await worker.ended).toBe('exit code 0')
})

test('the effective configuration is printed once, without secrets', async () => {
  const worker = fleet.start('printed')
  await worker.logged((line) => line.msg === 'worker is up')
  const lines = worker.log().filter((line) => line.msg === 'effective configuration')
  expect(lines).toHaveLength(1)
  const text = JSON.stringify(lines[0])
  const { R2_SECRET_KEY: secret, INTERNAL_WORKER_TOKEN: token, R2_ENDPOINT: endpoint } = fleet.stack.env()
  expect(text).toContain(endpoint)
  expect(text).not.toContain(secret)
  expect(text).not.toContain(token)
})
