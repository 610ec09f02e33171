/**
 * The user data itself, step by step, below a folder instead of /; what it calls are programs that write down how.
 */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { digest, type Instance, lacking, openInstance } from './instance.ts'

if (lacking.length > 0) console.warn(`SKIPPED: no ${lacking.join(', ')}, so user data cannot run`)
const suite = lacking.length > 0 ? describe.skip : describe

let instance: Instance
beforeEach(async () => {
  instance = await openInstance()
})
afterEach(() => instance?.close())

const image = { RUN_FROM: 'image', IMAGE_URI: digest, CODE_URI: undefined }
const hook = (result: string) =>
  'aws autoscaling complete-lifecycle-action --region ap-northeast-2 --auto-scaling-group-name video-workers ' +
  `--lifecycle-hook-name video-worker-launch --instance-id i-0abc --lifecycle-action-result ${result}`
const mode = async (path: string) => ((await stat(join(instance.root, path))).mode & 0o777).toString(8)

suite('a new instance', () => {
  test('gets the code, scratch, its environment and a running unit, and tells its group', async () => {
    const { code, said, calls } = await instance.boot()
    expect([code, said]).toEqual([0, expect.stringContaining('ready: i-0abc works')])
    expect(calls).toContain('dnf install -y -q tar gzip util-linux e2fsprogs')
    expect(calls).toContain(
      `node deploy/commands/main.ts env pull --role worker --parameter /academy/workers/env --format dotenv --out ${instance.root}/etc/video-worker/env`,
    )
    expect(calls).toContain('systemctl is-active video-worker@1')
    expect(calls.slice(-3)).toEqual([
      expect.stringMatching(/^logger /),
      hook('CONTINUE'),
      expect.stringMatching(/^logger /),
    ])
    expect(await instance.read('etc/systemd/system/video-worker@.service')).toContain('Type=notify')
    expect(await instance.read('etc/systemd/system/workers.slice')).toContain('[Slice]')
    expect(await instance.read('etc/video-worker/instance')).toBe(
      'AWS_REGION=ap-northeast-2\nIMAGE_URI=\nAUTO_SCALING_GROUP_NAME=video-workers\n' +
        'LIFECYCLE_HOOK_NAME=video-worker-leave\nLOG_GROUP=\nLOG_STREAM=i-0abc\n',
    )
    expect(await Promise.all(['etc/video-worker/env', 'etc/video-worker/instance'].map(mode))).toEqual([
      '600',
      '600',
    ])
  })

  test('outside of the group, with a queue of its own: nobody is told, and that queue wins over the environment', async () => {
    const alone = { AUTO_SCALING_GROUP_NAME: undefined, LAUNCH_HOOK_NAME: undefined }
    const queue = { QUEUE_NAME: 'deletes', DEAD_LETTER_QUEUE_NAME: 'academy-video-jobs-dlq' }
    const { code, said, calls } = await instance.boot({ ...alone, ...queue })
    expect([code, said]).toEqual([0, expect.stringContaining('ready: i-0abc works')])
    expect(calls.filter((call) => call.startsWith('aws autoscaling'))).toEqual([])
    expect(await instance.read('etc/video-worker/instance')).toMatch(
      /^AUTO_SCALING_GROUP_NAME=\n(?:.*\n)*VIDEO_SQS_QUEUE_NAME=deletes\nVIDEO_SQS_DLQ_NAME=academy-video-jobs-dlq\n$/m,
    )
  })

  test('gets the image by its digest, and the units that are in it', async () => {
    const { code, said, calls } = await instance.boot(image)
    expect([code, said]).toEqual([0, expect.stringContaining('ready')])
    const docker = calls.filter((call) => call.startsWith('docker '))
    expect(docker).toEqual([
      `docker login --username AWS --password-stdin ${digest.split('/')[0]}`,
      `docker pull --quiet ${digest}`,
      `docker create ${digest}`,
      expect.stringMatching(/^docker cp container:\/app\/deploy\/host /),
      'docker rm container',
      expect.stringMatching(
        /^docker run --rm --user 0:0 .*@sha256:a+ node deploy\/commands\/main.ts env pull .*--format docker --out \/etc\/video-worker\/env$/,
      ),
    ])
    expect(calls).toContain('systemctl enable video-worker-container@1')
    expect(await instance.read('etc/video-worker/instance')).toContain(`IMAGE_URI=${digest}\n`)
    expect(said).not.toContain('password')
  })

  test('of a system with apt gets what it takes from there', async () => {
    await instance.remove('dnf')
    const { code, calls } = await instance.boot()
    expect(code).toBe(0)
    expect(calls).toContain(
      'apt-get -q install -y --no-install-recommends awscli ca-certificates tar gzip util-linux e2fsprogs ffmpeg',
    )
  })

  test('without a hook or a group tells nobody', async () => {
    const { code, calls } = await instance.boot({
      LAUNCH_HOOK_NAME: undefined,
      AUTO_SCALING_GROUP_NAME: undefined,
    })
    expect(code).toBe(0)
    expect(calls.filter((call) => call.startsWith('aws autoscaling'))).toEqual([])
  })

  test('with a log group has its agent read what the worker and the boot write', async () => {
    const agent = 'opt/aws/amazon-cloudwatch-agent'
    await instance.put(`${agent}/bin/amazon-cloudwatch-agent-ctl`, 'echo "$*" >"$ROOT/agent"')
    const { code, calls } = await instance.boot({ LOG_GROUP: '/video/workers' })
    expect(code).toBe(0)
    expect(await instance.read('agent')).toMatch(/^-a fetch-config -m ec2 -s -c file:/)
    expect(await instance.read('etc/systemd/system/video-worker@.service.d/log.conf')).toContain(
      'StandardOutput=append:/var/log/video-worker/%i.log\n',
    )
    expect(calls.find((call) => call.startsWith('dnf'))).toContain('amazon-cloudwatch-agent')
    const { logs } = JSON.parse(await instance.read(`${agent}/etc/video-worker.json`))
    expect(logs.logs_collected.files.collect_list).toEqual([
      {
        file_path: '/var/log/video-worker/*.log',
        log_group_name: '/video/workers',
        log_stream_name: 'i-0abc/*.log',
      },
      {
        file_path: '/var/log/video-worker-boot.log',
        log_group_name: '/video/workers',
        log_stream_name: 'i-0abc/video-worker-boot.log',
      },
    ])
  })
})

suite('scratch', () => {
  const made = (calls: readonly string[]) => calls.filter((call) => /^(mkfs|mount )/.test(call))
  const on = (disk: string) =>
    `mount -o noatime,nodev,nosuid,noexec ${disk} ${instance.root}/var/lib/video-worker`

  test('goes to the largest instance store, and into fstab once', async () => {
    const { calls } = await instance.boot()
    expect(made(calls)).toEqual(['mkfs.ext4 -q -m 0 -L video-worker /dev/nvme3n1', on('/dev/nvme3n1')])
    await instance.boot()
    expect(
      (await instance.read('etc/fstab')).match(/^LABEL=video-worker \/var\/lib\/video-worker .*nofail/gm),
    ).toHaveLength(1)
  })

  test('is formatted only when blank: a disk of an earlier boot is mounted as it is, any other is passed by', async () => {
    const used = '*nvme3n1) if [ "$#" = 2 ]; then exit 0; fi; echo somebody ;;'
    const ours = '*nvme2n1) if [ "$#" = 2 ]; then exit 0; fi; echo video-worker ;;'
    await instance.answer('blkid', `case "$*" in ${used} ${ours} *) exit 2 ;; esac`)
    expect(made((await instance.boot()).calls)).toEqual([on('/dev/nvme2n1')])
  })

  test('goes to a volume of its own without an instance store, and shares the root without that', async () => {
    const volumes =
      'printf "/dev/xvda disk 20000000000 EBS\\n/dev/xvdb disk 100000000000 Amazon Elastic Block Store\\n"'
    await instance.answer(
      'lsblk',
      `case "$*" in *TYPE*) ${volumes} ;; *xvda) printf "xvda\\nxvda1 /\\n" ;; *) echo xvdb ;; esac`,
    )
    expect(made((await instance.boot()).calls)).toEqual([
      'mkfs.ext4 -q -m 0 -L video-worker /dev/xvdb',
      on('/dev/xvdb'),
    ])
    await instance.answer(
      'lsblk',
      'case "$*" in *TYPE*) echo "/dev/xvda disk 20000000000" ;; *) printf "xvda\\nxvda1 /\\n" ;; esac',
    )
    const { code, said, calls } = await instance.boot()
    expect([code, made(calls)]).toEqual([0, []])
    expect(said).toContain('it shares the root volume')
  })

  test('that is mounted already is left alone', async () => {
    await instance.answer('mountpoint', 'exit 0')
    expect(made((await instance.boot()).calls)).toEqual([])
  })
})

suite('a step that fails', () => {
  const failing: [
    step: string,
    why: string,
    says: string,
    env: Record<string, string | undefined>,
    fakes: Record<string, string>,
  ][] = [
    ['settings', 'without a region', 'AWS_REGION is not set', { AWS_REGION: undefined }, {}],
    [
      'settings',
      'with a tag for a digest',
      'must name a digest',
      { ...image, IMAGE_URI: 'video-worker:latest' },
      {},
    ],
    ['settings', 'with nothing to run', 'must be image or code, not podman', { RUN_FROM: 'podman' }, {}],
    ['identity', 'without metadata', '500', {}, { metadata: '' }],
    ['programs', 'without a mirror', 'no mirror', {}, { dnf: 'echo no mirror; exit 1' }],
    [
      'scratch',
      'with a disk that cannot be formatted',
      'bad disk',
      {},
      { 'mkfs.ext4': 'echo bad disk; exit 1' },
    ],
    [
      'scratch',
      'with a disk of somebody else',
      'holds something else',
      { SCRATCH_DEVICE: '/dev/sdb' },
      { blkid: 'exit 0' },
    ],
    ['scratch', 'with a disk that cannot be mounted', 'wrong fs', {}, { mount: 'echo wrong fs; exit 32' }],
    [
      'code',
      'without the archive',
      'NoSuchKey',
      {},
      { aws: 'if [ "$1" = s3 ]; then echo NoSuchKey; exit 1; fi' },
    ],
    ['code', 'with another archive', 'did NOT match', { CODE_SHA256: '0'.repeat(64) }, {}],
    ['code', 'with an old Node', 'Node 20 is too old', {}, { node: 'echo 20' }],
    [
      'image',
      'without the registry’s leave',
      'no basic auth',
      image,
      {
        docker:
          'if [ "$1" = login ]; then cat >/dev/null; fi; if [ "$1" = pull ]; then echo no basic auth; exit 1; fi',
      },
    ],
    [
      'environment',
      'without the parameter',
      'ParameterNotFound',
      {},
      { node: 'if [ "$1" = -p ]; then echo 24; else echo ParameterNotFound; exit 78; fi' },
    ],
    [
      'environment',
      'with an empty one',
      'the environment is empty',
      {},
      { node: 'if [ "$1" = -p ]; then echo 24; fi' },
    ],
    [
      'service',
      'whose worker does not become ready',
      'INTERNAL_WORKER_TOKEN is missing',
      {},
      { systemctl: 'if [ "$1" = is-active ]; then echo activating; exit 3; fi' },
    ],
    [
      'service',
      'whose worker has given up',
      'INTERNAL_WORKER_TOKEN is missing',
      {},
      { systemctl: 'if [ "$1" = is-active ]; then echo failed; exit 3; fi' },
    ],
    [
      'continue_launch',
      'that the group does not hear',
      'AccessDenied',
      {},
      {
        aws: 'case "$*" in "s3 cp"*) for last; do :; done; cp "$FAKES/code.tar.gz" "$last" ;; *CONTINUE) echo AccessDenied; exit 254 ;; esac',
      },
    ],
  ]

  test.each(failing)(
    '%s, %s: the console says it, and the group replaces the instance',
    async (step, _, says, env, fakes) => {
      for (const [program, script] of Object.entries(fakes)) {
        if (program === 'node') await instance.pack(script)
        else if (program === 'metadata') {
          instance.metadata.faults.failNext(
            { operation: 'Get' },
            { status: 500, times: Number.POSITIVE_INFINITY },
          )
        } else await instance.answer(program, script)
      }
      const { code, said, calls } = await instance.boot(env)
      expect(code).not.toBe(0)
      expect(said).toContain(`FAILED at step '${step}'`)
      expect(said).toContain(says)
      expect(await instance.read('dev/console').catch(() => said)).toContain(says)
      expect(calls.filter((call) => call.startsWith('logger')).join('\n')).toContain(says)
      expect(calls.at(-2)).not.toBe(hook('CONTINUE'))
      const told = calls.filter(
        (call) => call.includes('complete-lifecycle-action') && call.endsWith('ABANDON'),
      )
      // Before it knows who and where it is, it has nobody to speak for: the hook’s timeout decides.
      if (step === 'identity' || (step === 'settings' && 'AWS_REGION' in env))
        expect(said).toContain('the launching hook could not be told')
      else expect(told).toEqual([hook('ABANDON')])
    },
  )
})
