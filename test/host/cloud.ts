/** What an instance meets of AWS at its first boot, and the disk that it gets for scratch. */
import { spawn } from 'node:child_process'
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ScalingServer, startScalingServer } from '../local/auto-scaling.ts'
import { type MetadataServer, startMetadataServer } from '../local/imds.ts'
import { type SsmServer, startSsmServer } from '../local/ssm.ts'
import type { Bench } from './proofs.ts'
import { run } from './system.ts'

const project = join(import.meta.dirname, '../..')
export const names = {
  ...{ instance: 'i-0123456789abcdef0', role: 'video-worker', parameter: '/academy/workers/env' },
  ...{ group: 'video-workers', launch: 'video-worker-launch', leave: 'video-worker-leave' },
  ...{ archive: 'deployments/video-worker.tar.gz', unit: 'video-worker@1', scratch: '/var/lib/video-worker' },
}

export interface Cloud {
  readonly metadata: MetadataServer
  readonly ssm: SsmServer
  readonly scaling: ScalingServer
  /** SHA-256 of the archive, as pack.sh said it. */
  readonly sha256: string
  /** In bytes. */
  readonly archive: number
  /** A block device in there, blank at first. */
  readonly disk: string
  close(): Promise<void>
}

/** dir: a folder of the caller's, who removes it. */
export async function openCloud(bench: Bench, dir: string): Promise<Cloud> {
  const { fleet, signal } = bench
  const undo: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (let step = undo.pop(); step; step = undo.pop()) await step().catch(() => undefined)
  }
  try {
    const metadata = await startMetadataServer({ paths: roleOf(fleet.stack.s3) })
    undo.push(() => metadata.close())
    const ssm = await startSsmServer()
    undo.push(() => ssm.close())
    const hooks = [
      { name: names.launch, transition: 'LAUNCHING', heartbeatSeconds: 900 },
      { name: names.leave, transition: 'TERMINATING', heartbeatSeconds: 120 },
    ] as const
    const onTarget = (_: string, state: string) => metadata.set('autoscaling/target-lifecycle-state', state)
    const scaling = await startScalingServer({ group: names.group, hooks, onTarget })
    undo.push(() => scaling.close())

    const file = join(dir, 'code.tar.gz')
    const sha256 = await pack(file, signal)
    await fleet.stack.storage.putFile(names.archive, file, { contentType: 'application/gzip', signal })
    const { length: archive } = await readFile(file)
    await layPrograms(bench)
    const disk = await addDisk(bench, join(dir, 'disk'))
    // One that is mounted in there goes with the system.
    undo.push(() => run(['losetup', '-d', disk]))
    return { metadata, ssm, scaling, sha256, archive, disk, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** The checkout as `RUN_FROM=code` takes it. In a group of its own: cut off, npm and tar end with the script. */
async function pack(file: string, signal: AbortSignal): Promise<string> {
  signal.throwIfAborted()
  const tools = await Promise.all(
    ['ffmpeg', 'ffprobe'].map((name) => run(['sh', '-c', `command -v ${name}`])),
  )
  const words = [file, ...tools.flatMap((path) => ['--with', path])]
  const script = spawn(join(project, 'deploy/host/pack.sh'), words, {
    ...{ detached: true, stdio: ['ignore', 'pipe', 'pipe'] },
  })
  const cut = () => process.kill(-script.pid!, 'SIGTERM')
  signal.addEventListener('abort', cut)
  let [out, err] = ['', '']
  script.stdout?.on('data', (data) => (out += data))
  script.stderr?.on('data', (data) => (err += data))
  try {
    const code = await new Promise((resolve, reject) => {
      script.once('error', reject)
      script.once('close', resolve)
    })
    signal.throwIfAborted()
    // Its only line, or CODE_SHA256="$(pack.sh …)" is none.
    if (code !== 0 || !/^[0-9a-f]{64}\n$/.test(out))
      throw new Error(`pack.sh ended with ${code} and said ${out}${err}`)
    return out.trim()
  } finally {
    signal.removeEventListener('abort', cut)
  }
}

/** The script as it is, this machine's aws wherever it lies, and a dnf that writes down what it was to install. */
async function layPrograms({ system }: Bench): Promise<void> {
  const folder = system.path('/opt/proof')
  await mkdir(folder)
  await cp(join(project, 'deploy/host/user-data.sh'), join(folder, 'user-data.sh'))
  const aws = `#!/bin/sh\nPATH='${process.env.PATH}' exec aws "$@"\n`
  await writeFile(join(folder, 'aws'), aws, { mode: 0o755 })
  await writeFile(join(folder, 'dnf'), '#!/bin/sh\necho "$*" >>/opt/proof/dnf-calls\n', { mode: 0o755 })
}

async function addDisk({ system }: Bench, file: string): Promise<string> {
  await run(['truncate', '-s', '512M', file])
  const disk = await run(['losetup', '--find', '--show', file])
  const number = (await readFile(`/sys/block/${disk.slice(5)}/dev`, 'utf8')).trim().split(':')
  await system.run('mknod', disk, 'b', ...number)
  return disk
}

/** The metadata of an instance with a role: both the aws of the boot and the worker take their key from there. */
function roleOf(s3: { accessKey: string; secretKey: string }): Record<string, string> {
  const key = {
    ...{ Code: 'Success', Type: 'AWS-HMAC', LastUpdated: '2026-01-01T00:00:00Z' },
    ...{ AccessKeyId: s3.accessKey, SecretAccessKey: s3.secretKey, Token: 'token' },
    Expiration: '2099-01-01T00:00:00Z',
  }
  return {
    'instance-id': names.instance,
    'iam/security-credentials/': names.role,
    [`iam/security-credentials/${names.role}`]: JSON.stringify(key),
  }
}

/** What the whole fleet has in common, as it lies in the parameter. */
export function environmentOf({ fleet }: Bench, { metadata, scaling }: Cloud): string {
  const variables = fleet.stack.env({
    ...{ AWS_ACCESS_KEY_ID: undefined, AWS_SECRET_ACCESS_KEY: undefined },
    ...{ AWS_EC2_METADATA_DISABLED: undefined, VIDEO_WORKER_TEMP_DIR: undefined },
    AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.endpoint,
    AWS_ENDPOINT_URL_AUTO_SCALING: scaling.endpoint,
    ...{ SCRATCH_MIN_FREE_MB: '64', FANOUT: 'never', CHUNK_SECONDS: '4', HLS_TIME_SECONDS: '2' },
  })
  const lines = Object.entries(variables).map(([name, value]) => `${name}=${value}`)
  return `${lines.join('\n')}\n`
}
