/** A new instance as user data meets it: a folder for its root, programs that write down what they are asked, its metadata. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type MetadataServer, startMetadataServer } from '../../local/imds.ts'

const project = join(import.meta.dirname, '../../..')
export const digest = `123456789012.dkr.ecr.ap-northeast-2.amazonaws.com/video-worker@sha256:${'a'.repeat(64)}`

/** All that is real: nothing on the path can touch the machine of the test. */
const harmless = [
  ...['awk', 'basename', 'bash', 'cat', 'chmod', 'cp', 'curl', 'cut', 'grep', 'gzip', 'install', 'mkdir'],
  ...['rm', 'sh', 'sha256sum', 'sleep', 'sort', 'tail', 'tar', 'tee', 'timeout', 'touch', 'wc'],
]

const pathOf = (program: string) =>
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(existsSync)
/** Those that this machine lacks. */
export const lacking = harmless.filter((program) => pathOf(program) === undefined)

/** What each program does beside being written down; `$*` are its words. Those without a line do nothing. */
const programs: Record<string, string> = {
  dnf: '',
  'apt-get': '',
  systemctl: 'if [ "$1" = is-active ]; then echo active; fi',
  journalctl: 'echo "INTERNAL_WORKER_TOKEN is missing"',
  logger: '',
  mountpoint: 'exit 1',
  mount: '',
  'mkfs.ext4': '',
  lsblk: [
    'case "$*" in',
    '*TYPE*) printf "/dev/nvme0n1 disk 20 Amazon Elastic Block Store\\n/dev/nvme1n1 disk 900 Amazon Elastic Block Store\\n"',
    '  printf "/dev/nvme2n1 disk 75 Amazon EC2 NVMe Instance Storage\\n/dev/nvme3n1 disk 80 Amazon EC2 NVMe Instance Storage\\n" ;;',
    '*nvme0n1) printf "nvme0n1 \\nnvme0n1p1 /\\n" ;;',
    '*) basename "$3" ;;',
    'esac',
  ].join('\n'),
  blkid: 'exit 2',
  aws: [
    'case "$1 $2" in',
    '"s3 cp") for last; do :; done; cp "$FAKES/code.tar.gz" "$last" ;;',
    '"ecr get-login-password") echo password ;;',
    'esac',
  ].join('\n'),
  docker: [
    'case "$1" in',
    'login) cat >/dev/null ;;',
    'create) echo container ;;',
    'cp) mkdir -p "$3" && cp -r "$FAKES/host" "$3" ;;',
    'run) echo API_BASE_URL=http://api >"$ROOT/etc/video-worker/env" ;;',
    'esac',
  ].join('\n'),
}

/** `bin/node` of the archive: knows its version, and is the environment tool. */
const node = [
  'if [ "$1" = -p ]; then echo 24; exit; fi',
  'for last; do :; done',
  'echo API_BASE_URL=http://api >"$last"',
].join('\n')

const fake = (program: string, script: string) =>
  `#!/bin/sh\necho "${program} $*" >>"$FAKES/calls"\n${script}\n`

export interface Boot {
  readonly code: number
  /** All that it said on standard output. */
  readonly said: string
  /** The calls of programs, in order. */
  readonly calls: readonly string[]
}

export interface Instance {
  readonly root: string
  readonly metadata: MetadataServer
  /** Replaces what a program does. */
  answer(program: string, script: string): Promise<void>
  /** Lays a program below the root. */
  put(path: string, script: string): Promise<void>
  /** Takes a program away. */
  remove(program: string): Promise<void>
  /** Replaces `bin/node` of the archive, or leaves it out. */
  pack(node: string): Promise<void>
  /** Runs the user data; `undefined` leaves a variable out. */
  boot(env?: Record<string, string | undefined>): Promise<Boot>
  read(path: string): Promise<string>
  close(): Promise<void>
}

export async function openInstance(): Promise<Instance> {
  const dir = await mkdtemp(join(tmpdir(), 'user-data-'))
  const [root, fakes] = [join(dir, 'root'), join(dir, 'fakes')]
  for (const each of [join(root, 'etc'), join(root, 'dev'), fakes]) await mkdir(each, { recursive: true })
  const fstab = 'LABEL=cloudimg-rootfs / ext4 defaults 0 1\n'
  await writeFile(join(root, 'etc/fstab'), fstab)
  await cp(join(project, 'deploy/host'), join(fakes, 'host'), { recursive: true })
  const calls = join(fakes, 'calls')

  async function answer(program: string, script: string): Promise<void> {
    await writeFile(join(fakes, program), fake(program, script))
    await chmod(join(fakes, program), 0o755)
  }
  for (const [program, script] of Object.entries(programs)) await answer(program, script)
  for (const program of harmless) await symlink(pathOf(program)!, join(fakes, program))

  async function pack(script: string): Promise<void> {
    const stage = join(dir, 'stage')
    await mkdir(join(stage, 'bin'), { recursive: true })
    for (const [program, does] of Object.entries({ node: script, ffmpeg: '', ffprobe: '' })) {
      await writeFile(join(stage, 'bin', program), fake(program, does))
      await chmod(join(stage, 'bin', program), 0o755)
    }
    await cp(join(project, 'deploy/host'), join(stage, 'deploy/host'), { recursive: true })
    await mkdir(join(stage, 'deploy/commands'), { recursive: true })
    await promisify(execFile)('tar', ['-czf', join(fakes, 'code.tar.gz'), '-C', stage, '.'])
  }
  await pack(node)
  const metadata = await startMetadataServer({ paths: { 'instance-id': 'i-0abc' } })

  return {
    ...{ root, metadata, answer, pack },
    async put(path, script) {
      await mkdir(dirname(join(root, path)), { recursive: true })
      await writeFile(join(root, path), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    },
    remove: (program) => rm(join(fakes, program)),
    async boot(env = {}) {
      await rm(calls, { force: true })
      const all = {
        PATH: fakes,
        ...{ ROOT: root, FAKES: fakes, PAUSE: '0', LOOKS: '2' },
        AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata.endpoint,
        AWS_REGION: 'ap-northeast-2',
        RUN_FROM: 'code',
        CODE_URI: 's3://deployments/video-worker.tar.gz',
        AUTO_SCALING_GROUP_NAME: 'video-workers',
        LAUNCH_HOOK_NAME: 'video-worker-launch',
        TERMINATE_HOOK_NAME: 'video-worker-leave',
        ...env,
      }
      const set = Object.entries(all).filter((each): each is [string, string] => each[1] !== undefined)
      const script = join(project, 'deploy/host/user-data.sh')
      const { code, said } = await new Promise<{ code: number; said: string }>((resolve) => {
        execFile(pathOf('bash')!, [script], { env: Object.fromEntries(set) }, (error, stdout, stderr) => {
          resolve({ code: error ? Number(error.code ?? -1) : 0, said: stdout + stderr })
        })
      })
      const asked = await readFile(calls, 'utf8').catch(() => '')
      return { code, said, calls: asked.split('\n').filter(Boolean) }
    },
    read: (path) => readFile(join(root, path), 'utf8'),
    async close() {
      await metadata.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
}
