import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deadline, monotonicMs } from '../../shared/time.ts'
import { type Cloud, environmentOf, names, openCloud } from './cloud.ts'
import type { Bench } from './proofs.ts'
import { run, type System } from './system.ts'

const systemPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const commands = join(import.meta.dirname, '../../deploy/commands/main.ts')

/** An aws that can be led to servers here (AWS_ENDPOINT_URL_…: from 1.29 and 2.13 on); what is wrong with the one here. */
export function awsProblem(): string | undefined {
  const said = spawnSync('aws', ['--version'], { encoding: 'utf8' })
  const [, major = 0, minor = 0] = (/aws-cli\/(\d+)\.(\d+)/.exec(`${said.stdout}${said.stderr}`) ?? []).map(
    Number,
  )
  const first = major === 1 ? 29 : 13
  return major > 0 && minor >= first ? undefined : 'no aws that knows AWS_ENDPOINT_URL (1.29, 2.13)'
}

interface Boot {
  readonly code: number
  readonly said: string
  readonly seconds: number
  /** Results that the launching hook was completed with. */
  readonly told: readonly string[]
}

/**
 * The user data on a bare system: archive, environment, role and hooks come over HTTP, through the real aws and the real
 * `env pull`; disk, file system, mount and systemd are real. Only dnf is not: it writes down what it was to install.
 */
export async function proveUserData(bench: Bench, dir: string): Promise<string[]> {
  const cloud = await openCloud(bench, dir)
  try {
    return [
      `user data, a disk of somebody else: ${await foreignDisk(bench, cloud)}`,
      `user data, no parameter: ${await noParameter(bench, cloud)}`,
      `user data: ${await works(bench, cloud, dir)}`,
    ]
  } finally {
    await cloud.close()
  }
}

async function foreignDisk(bench: Bench, cloud: Cloud): Promise<string> {
  await bench.system.run('mkfs.ext4', '-q', '-L', 'somebody', cloud.disk)
  const { code, said, told } = await boot(bench, cloud)
  assert.match(said, /FAILED at step 'scratch'/)
  assert.match(said, /holds something else: not formatted/)
  assert.deepEqual([code > 0, told], [true, ['ABANDON']])
  assert.equal(await labelOf(bench.system, cloud.disk), 'somebody')
  await bench.system.run('wipefs', '-qa', cloud.disk)
  return 'not formatted; FAILED at step scratch; ABANDON'
}

async function noParameter(bench: Bench, cloud: Cloud): Promise<string> {
  const { system } = bench
  const { code, said, told, seconds } = await boot(bench, cloud)
  assert.match(said, /FAILED at step 'environment'/)
  assert.deepEqual([code > 0, told], [true, ['ABANDON']])
  assert.match(
    await system.run('cat', '/var/log/video-worker-boot.log'),
    /There is no parameter \/academy\/workers\/env/,
  )
  assert.match(await system.run('journalctl', '-q', '-t', 'video-worker-boot', '-o', 'cat'), /FAILED at step/)
  const { ActiveState, LoadState } = await show(system)
  assert.deepEqual([ActiveState, LoadState], ['inactive', 'not-found'])
  // What it leaves is what a second boot of the same instance finds: a disk that is its own, with a file on it.
  assert.equal(await labelOf(system, cloud.disk), 'video-worker')
  await system.run('touch', `${names.scratch}/of-the-boot-before`)
  await system.run('umount', names.scratch)
  return `FAILED at step environment after ${seconds} s; ABANDON; no unit`
}

async function works(bench: Bench, cloud: Cloud, dir: string): Promise<string> {
  const { system, fleet, clip, signal } = bench
  await push(bench, cloud, join(dir, '.env'))
  const { code, said, told, seconds } = await boot(bench, cloud)
  assert.deepEqual([code, told], [0, ['CONTINUE']], said)
  assert.match(said, new RegExp(`ready: ${names.instance} works`))
  const { ActiveState, UnitFileState, StatusText = '' } = await show(system)
  assert.deepEqual([ActiveState, UnitFileState], ['active', 'enabled'])
  for (const file of ['env', 'instance'])
    assert.equal((await stat(system.path(`/etc/video-worker/${file}`))).mode & 0o777, 0o600)
  const mount = await system.run('findmnt', '-no', 'SOURCE,FSTYPE,OPTIONS', names.scratch)
  for (const word of [cloud.disk, 'ext4', 'nosuid', 'nodev', 'noexec', 'noatime'])
    assert.ok(mount.includes(word))
  await system.run('test', '-f', `${names.scratch}/of-the-boot-before`)
  const fstab = await system.run('cat', '/etc/fstab')
  assert.equal(fstab.match(/^LABEL=video-worker /gm)?.length, 1)

  cloud.scaling.add(names.instance, 'InService')
  const video = { tenantId: 13, videoId: 1 }
  const fileKey = await fleet.stack.upload(clip, { tenantId: video.tenantId, name: clip })
  const started = monotonicMs()
  const jobId = await fleet.stack.sendJob({ ...video, fileKey })
  using limit = deadline(600_000, signal, () => new Error(`job ${jobId} has no end after 600 s`))
  const { kind } = await fleet.stack.waitFor(jobId, { signal: limit.signal })
  assert.equal(kind, 'complete')
  const job = secondsSince(started)
  await fleet.until('scale-in may have it again', () => !cloud.scaling.isProtected(names.instance))
  const protection = cloud.scaling.calls.filter(
    ({ action, status }) => action === 'SetInstanceProtection' && status === 200,
  )
  // For the job, and given up a minute after it (SCALE_IN_IDLE_SECONDS).
  assert.deepEqual(
    protection.slice(-2).map(({ parameters }) => parameters.ProtectedFromScaleIn),
    ['true', 'false'],
  )
  const before = cloud.scaling.calls.length
  assert.ok(cloud.scaling.scaleIn(names.instance))
  await fleet.until('the worker has let the instance go', () => toldSince(cloud, before).length > 0)
  assert.deepEqual(toldSince(cloud, before), ['CONTINUE'])
  return [
    `archive of ${Math.round(cloud.archive / 1e6)} MB`,
    `ready after ${seconds} s, CONTINUE; “${StatusText}”; scratch of the boot before is kept`,
    `a job took ${job} s, protected from scale-in until it was idle`,
    'scaled in, the worker completed its hook with CONTINUE',
  ].join('; ')
}

/** As an operator does it: the command looks first whether that is enough for a worker. */
async function push(bench: Bench, cloud: Cloud, file: string): Promise<void> {
  await writeFile(file, environmentOf(bench, cloud), { mode: 0o600 })
  const env = {
    ...{ AWS_REGION: 'ap-northeast-2', AWS_ENDPOINT_URL_SSM: cloud.ssm.endpoint },
    ...{ AWS_ACCESS_KEY_ID: 'operator', AWS_SECRET_ACCESS_KEY: 'secret' },
  }
  const words = [process.execPath, commands, 'env', 'push', file, '--role', 'worker', '--yes']
  await run(words, { env: { ...process.env, ...env }, signal: bench.signal })
}

/** Runs the user data as a first boot does: with root's environment and nothing of ours but where the servers are. */
async function boot({ system, fleet, signal }: Bench, cloud: Cloud): Promise<Boot> {
  const { metadata, ssm, scaling, sha256, disk } = cloud
  scaling.add(names.instance, 'Pending:Wait')
  const before = scaling.calls.length
  const variables = {
    ...{ HOME: '/root', PATH: `/opt/proof:${systemPath}`, PAUSE: '1', LOOKS: '600' },
    ...{ AWS_REGION: 'ap-northeast-2', RUN_FROM: 'code', SCRATCH_DEVICE: disk },
    ...{ CODE_URI: `s3://${fleet.stack.s3.bucket}/${names.archive}`, CODE_SHA256: sha256 },
    ...{
      AUTO_SCALING_GROUP_NAME: names.group,
      LAUNCH_HOOK_NAME: names.launch,
      TERMINATE_HOOK_NAME: names.leave,
    },
    ...{ AWS_ENDPOINT_URL_S3: fleet.stack.s3.endpoint, AWS_ENDPOINT_URL_SSM: ssm.endpoint },
    ...{
      AWS_ENDPOINT_URL_AUTO_SCALING: scaling.endpoint,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.endpoint,
    },
  }
  const words = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  const started = monotonicMs()
  const { code, said } = await system.run('env', '-i', ...words, 'bash', '/opt/proof/user-data.sh').then(
    (stdout) => ({ code: 0, said: stdout }),
    (error: Error & { code?: number; stdout?: string; stderr?: string }) => ({
      code: Number(error.code ?? -1),
      said: `${error.stdout ?? ''}${error.stderr ?? error.message}`,
    }),
  )
  signal.throwIfAborted()
  return { code, said, told: toldSince(cloud, before), seconds: secondsSince(started) }
}

/** Results that a hook was completed with after so many calls. */
const toldSince = ({ scaling }: Cloud, before: number) =>
  scaling.calls
    .slice(before)
    .filter(({ action, status }) => action === 'CompleteLifecycleAction' && status === 200)
    .map(({ parameters }) => parameters.LifecycleActionResult ?? '')

const labelOf = async (system: System, disk: string) =>
  (await system.run('blkid', '-p', '-s', 'LABEL', '-o', 'value', disk)).trim()

async function show(system: System): Promise<Record<string, string>> {
  const properties = 'ActiveState,LoadState,UnitFileState,StatusText'
  const said = await system.run('systemctl', 'show', names.unit, `--property=${properties}`)
  const lines = said.trim().split('\n')
  return Object.fromEntries(lines.map((line) => line.split(/=(.*)/s) as [string, string]))
}

const secondsSince = (started: number) => Math.round((monotonicMs() - started) / 100) / 10
