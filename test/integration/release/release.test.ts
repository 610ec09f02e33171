/** The scripts of a deployment as processes, with stand-ins for aws and docker: what they call, and how they end. */
import { execFileSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { root } from '../../unit/house/sources.ts'
import { fakeRelease, type Release } from './fakes.ts'

const repository = '123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/video-worker'
const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const image = (letter: string) => `${repository}@${digest(letter)}`
const group = { AUTO_SCALING_GROUP_NAME: 'video-workers' }

let release: Release
beforeEach(() => {
  release = fakeRelease()
})
afterEach(() => release.remove())

const callsOf = (part: string) => release.calls().filter((line) => line.includes(part))
const changes = () =>
  release.calls().filter((line) => /put-parameter|start-instance|update-function/.test(line))

describe('build-and-push.sh', () => {
  const env = { REPOSITORY: repository, REVISION: 'abc123', VERSION: '1.2.3' }
  beforeEach(() => {
    release.answer('aws ecr get-login-password', { text: 'the-password' })
    release.answer('docker login', {})
    release.answer('docker buildx build', { text: `{"containerimage.digest": "${digest('a')}"}` })
  })

  test('pushes for both architectures and prints the image by its digest, alone', async () => {
    const { code, out } = await release.run('build-and-push.sh', ['worker'], env)
    expect([code, out]).toEqual([0, `${image('a')}\n`])
    const [build] = callsOf('docker buildx build')
    expect(build).toContain('--target worker')
    expect(build).toContain('--platform linux/amd64,linux/arm64 --push')
    expect(build).toContain(`--tag ${repository}:worker-abc123`)
    expect(build).toContain('--build-arg VERSION=1.2.3 --build-arg REVISION=abc123')
  })

  test('gives the password to docker through standard input', async () => {
    await release.run('build-and-push.sh', [], env)
    const [login] = callsOf('docker login')
    expect(login).toBe(
      `docker login --username AWS --password-stdin ${repository.split('/')[0]} < the-password`,
    )
  })

  test('builds the Lambda’s image for one platform, without what makes an index of it', async () => {
    await release.run('build-and-push.sh', ['backlog'], env)
    const [build] = callsOf('docker buildx build')
    expect(build).toMatch(/--target backlog --provenance=false --sbom=false .*--platform linux\/amd64 --push/)
    const both = { ...env, PLATFORMS: 'linux/amd64,linux/arm64' }
    expect((await release.run('build-and-push.sh', ['backlog'], both)).code).toBe(64)
  })

  test('keeps it here when it is not to be pushed, and needs nothing of AWS for that', async () => {
    const { code, out } = await release.run('build-and-push.sh', ['--no-push', 'backlog'], { AWS_REGION: '' })
    expect([code, out]).toEqual([0, 'video-worker:backlog\n'])
    expect(release.calls()).toHaveLength(1)
    expect(release.calls()[0]).toContain('--load --tag video-worker:backlog')
  })

  test('ends when the build fails, tells no digest, or is asked for what there is not', async () => {
    release.answer('docker buildx build', { exit: 1 })
    expect(await release.run('build-and-push.sh', [], env)).toMatchObject({ code: 1, out: '' })
    release.answer('docker buildx build', { text: '{}' })
    expect(await release.run('build-and-push.sh', [], env)).toMatchObject({ code: 70, out: '' })
    expect((await release.run('build-and-push.sh', ['wroker'], env)).code).toBe(64)
    expect((await release.run('build-and-push.sh', [], { ...env, REPOSITORY: '' })).code).toBe(64)
  })
})

function ready(): void {
  release.answer('aws ecr describe-images', { text: digest('b') })
  release.answer('aws ssm get-parameter', { text: image('a') })
  release.answer('aws ssm put-parameter', { text: '7' })
  release.answer('aws autoscaling start-instance-refresh', { text: 'refresh-1' })
}
/** The first answer is to the question whether one is under way. */
const refreshes = (...lines: string[]) =>
  release.answer(
    'aws autoscaling describe-instance-refreshes',
    ...['None', ...lines].map((text) => ({ text })),
  )

describe('deploy.sh', () => {
  beforeEach(ready)

  test('writes the parameter, replaces the instances, and waits until all are', async () => {
    refreshes('Pending\tNone\tNone', 'InProgress\t50\tNone', 'Successful\t100\tNone')
    const { code, out, err } = await release.run('deploy.sh', [image('b')], group)
    expect([code, out]).toEqual([0, ''])
    expect(changes().map((line) => line.split(' ').slice(0, 3).join(' '))).toEqual([
      'aws ssm put-parameter',
      'aws autoscaling start-instance-refresh',
    ])
    expect(changes()[0]).toContain(
      `--name /academy/workers/image --type String --overwrite --value ${image('b')}`,
    )
    expect(changes()[1]).toContain('"ScaleInProtectedInstances":"Refresh"')
    expect(err).toContain(`was ${image('a')}`)
    expect(err).toContain('InProgress, 50 %')
    expect(err).toContain('every instance of video-workers runs')
  })

  test.each(['Failed', 'Cancelled', 'RollbackSuccessful', 'RollbackFailed'])(
    'a refresh that ends with %s ends it with what to look at, and the way back',
    async (status) => {
      refreshes('InProgress\t20\tNone', `${status}\t20\tInstance i-1 did not become healthy`)
      const { code, err } = await release.run('deploy.sh', [image('b')], group)
      expect(code).toBe(70)
      expect(err).toContain(`ended with ${status} at 20 %: Instance i-1 did not become healthy`)
      expect(err).toContain('describe-scaling-activities')
      expect(err).toContain(`deploy/release/rollback.sh ${image('a')}`)
    },
  )

  test('an answer that fails in between is asked for again; one that does not come for ever is an end', async () => {
    release.answer(
      'aws autoscaling describe-instance-refreshes',
      ...[{ text: 'None' }, { exit: 255 }, { text: 'Successful\t100\tNone' }],
    )
    expect((await release.run('deploy.sh', [image('b')], group)).code).toBe(0)
    refreshes('InProgress\t10\tNone')
    const late = await release.run('deploy.sh', [image('c')], { ...group, REFRESH_WAIT_SECONDS: '0' })
    expect(late.code).toBe(75)
    expect(late.err).toContain('InProgress, 10 %')
  })

  test('the image that is there already is started once more, without a new version of the parameter', async () => {
    refreshes('Successful\t100\tNone')
    expect((await release.run('deploy.sh', [image('a')], group)).code).toBe(0)
    expect(callsOf('put-parameter')).toEqual([])
    expect(callsOf('start-instance-refresh')).toHaveLength(1)
  })

  test.each([`${repository}:latest`, 'video-worker', '', `${repository}@sha256:abc`])(
    'takes no image but by digest: “%s”',
    async (wrong) => {
      expect((await release.run('deploy.sh', [wrong], group)).code).toBe(64)
      expect(release.calls()).toEqual([])
    },
  )

  test('changes nothing when ECR lacks it, a refresh is under way, or something cannot be learned', async () => {
    release.answer('aws autoscaling describe-instance-refreshes', { text: 'refresh-0' })
    const busy = await release.run('deploy.sh', [image('b')], group)
    expect([busy.code, busy.err]).toEqual([69, expect.stringContaining('refresh-0')])
    release.answer('aws autoscaling describe-instance-refreshes', { exit: 255 })
    expect((await release.run('deploy.sh', [image('b')], group)).code).toBe(69)
    release.answer('aws autoscaling describe-instance-refreshes', { text: 'None' })
    release.answer('aws ssm get-parameter', { exit: 254 })
    expect((await release.run('deploy.sh', [image('b')], group)).code).toBe(69)
    release.answer('aws ecr describe-images', { exit: 254 })
    expect((await release.run('deploy.sh', [image('b')], group)).code).toBe(65)
    expect(changes()).toEqual([])
  })

  test('says how to take it back when the refresh does not begin', async () => {
    refreshes()
    release.answer('aws autoscaling start-instance-refresh', { exit: 255 })
    const { code, err } = await release.run('deploy.sh', [image('b')], group)
    expect([code, err]).toEqual([70, expect.stringContaining(`rollback.sh ${image('a')}`)])
  })

  test('updates the publisher’s Lambda, and says what it ran before', async () => {
    release.answer('aws lambda get-function', { text: image('a') })
    release.answer('aws lambda update-function-code', { text: 'InProgress' })
    release.answer('aws lambda wait function-updated-v2', {}, { exit: 255 })
    const env = { BACKLOG_FUNCTION: 'publisher' }
    const done = await release.run('deploy.sh', ['--backlog', image('b')], env)
    expect([done.code, done.err]).toEqual([0, expect.stringContaining(`publisher ran ${image('a')}`)])
    expect(changes()).toEqual([
      expect.stringContaining(`--function-name publisher --image-uri ${image('b')}`),
    ])
    const failed = await release.run('deploy.sh', ['--backlog', image('b')], env)
    expect([failed.code, failed.err]).toEqual([70, expect.stringContaining(`--backlog ${image('a')}`)])
    expect((await release.run('deploy.sh', ['--backlog', image('b')])).code).toBe(64)
  })
})

describe('rollback.sh', () => {
  const row = (version: number, letter: string) =>
    `${version}\t2026-11-0${version}\t${image(letter)}\tarn:deployer`
  beforeEach(() => {
    ready()
    refreshes('Successful\t100\tNone')
    // As SSM gives it: the oldest first. The current image was deployed twice.
    const rows = [row(1, 'a'), row(2, 'b'), row(3, 'c'), row(4, 'c')]
    release.answer('aws ssm get-parameter-history', { text: rows.join('\n') })
    release.answer('aws ssm get-parameter', { text: image('c') })
  })

  test('takes the image before the current one from the parameter’s history, and deploys it', async () => {
    const { code, err } = await release.run('rollback.sh', [], group)
    expect([code, err]).toEqual([0, expect.stringContaining(`from ${image('c')} to ${image('b')}`)])
    expect(callsOf('put-parameter')).toEqual([expect.stringContaining(`--value ${image('b')}`)])
    expect(callsOf('start-instance-refresh')).toHaveLength(1)
  })

  test.each([digest('a'), image('a')])('takes the one that is named: %s', async (wanted) => {
    expect((await release.run('rollback.sh', [wanted], group)).code).toBe(0)
    expect(callsOf('put-parameter')).toEqual([expect.stringContaining(`--value ${image('a')}`)])
  })

  test('lists what has run, newest first, and changes nothing', async () => {
    const { code, out } = await release.run('rollback.sh', ['--list'], group)
    expect(code).toBe(0)
    expect(out.split('\n').map((line) => line.split('\t')[0])).toEqual(['4', '3', '2', '1', ''])
    expect(changes()).toEqual([])
  })

  test('is refused where there is no way back, or the way is no digest', async () => {
    expect((await release.run('rollback.sh', ['v1.2'], group)).code).toBe(64)
    release.answer('aws ssm get-parameter-history', { text: [row(1, 'c'), row(2, 'c')].join('\n') })
    const none = await release.run('rollback.sh', [], group)
    expect([none.code, none.err]).toEqual([65, expect.stringContaining('never held another image')])
    release.answer('aws ssm get-parameter-history', { exit: 254 })
    expect((await release.run('rollback.sh', [], group)).code).toBe(69)
    expect(changes()).toEqual([])
  })
})

const shellcheck = (() => {
  try {
    return execFileSync('shellcheck', ['--version'], { encoding: 'utf8' })
  } catch {
    return undefined
  }
})()
const scripts = globSync('deploy/{release,image}/*.sh', { cwd: root })
const title = shellcheck ? 'shellcheck finds nothing' : 'skipped: shellcheck is not installed'
;(shellcheck ? test : test.skip)(title, () => {
  expect(scripts.length).toBeGreaterThan(3)
  execFileSync('shellcheck', [
    '--enable=check-extra-masked-returns',
    ...scripts.map((path) => join(root, path)),
  ])
})
