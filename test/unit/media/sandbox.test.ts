import { describe, expect, test } from '@jest/globals'
import { type ToolHost, wrapCommand } from '../../../worker/media/host.ts'
import { mountTable, sandboxWords } from '../../../worker/media/sandbox.ts'
import {
  audioLimits,
  posterLimits,
  probeLimits,
  videoLimits,
  wallMs,
} from '../../../worker/media/tool-limits.ts'
import { factsOf } from './facts.ts'

const settings = { memoryLimitMb: 8192, nice: 5, cpuFactor: 120 }

const folder = { path: '/scratch/job', writable: true }

describe('the words before a command', () => {
  test('take rights away after the root has been made, and set the death signal after the user', () => {
    const files = { root: '/scratch/view', table: '/scratch/fstab' }
    const all = { network: '/proc/7/fd/9', processes: true, files, user: 65_533, privileges: true } as const
    const words = sandboxWords(all, folder).map((word) => (word.startsWith('set -e') ? 'SCRIPT' : word))
    expect(words.join(' ')).toBe(
      'nsenter --net=/proc/7/fd/9 -- ' +
        'unshare --mount --propagation private --ipc --uts --pid --fork --kill-child=KILL -- ' +
        'sh -c SCRIPT sandbox /scratch/view /scratch/fstab /scratch/job rw ' +
        'unshare --root=/scratch/view --wd=/scratch/job -- ' +
        'setpriv --reuid=65533 --regid=65533 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs ' +
        '--pdeathsig KILL',
    )
  })

  test('are none without a part', () => {
    expect(sandboxWords({}, folder)).toEqual([])
  })

  test('set every limit of the run, and processes only for a user of its own', () => {
    const host: ToolHost = { workerId: 'w', path: '/bin', setpriv: true, prlimit: true, nice: true }
    const limits = { memoryMb: 1, nice: 5, cpuSeconds: 2.2, fileBytes: 0 }
    const line = (sandbox: ToolHost['sandbox']) =>
      wrapCommand(sandbox ? { ...host, sandbox } : host, limits, ['ffprobe', '-version'], folder).join(' ')
    const common = 'prlimit --core=0 --data=1048576 --cpu=3 --fsize=0'
    expect(line(undefined)).toBe(`setpriv --pdeathsig KILL ${common} nice -n 5 ffprobe -version`)
    expect(line({ maxProcesses: 9 })).not.toContain('--nproc')
    expect(line({ user: 65_533, maxProcesses: 9 })).toContain(`${common} --nproc=9 nice`)
  })

  test('let memory’s end take the child first, and put it into its group, before it sees no /proc', () => {
    const host: ToolHost = { workerId: 'w', path: '/bin', setpriv: true, prlimit: false, nice: false }
    const more = { choom: true, group: '/groups/ffmpeg', sandbox: { processes: true } } as const
    const words = wrapCommand({ ...host, ...more }, { memoryMb: 0, nice: 0 }, ['ffmpeg'], folder)
    expect(words.slice(0, 7).join(' ')).toBe('setpriv --pdeathsig KILL choom -n 1000 --')
    expect(words.slice(7, 12)).toEqual([
      ...['sh', '-c', expect.stringContaining('cgroup.procs'), '/groups/ffmpeg', 'unshare'],
    ])
  })
})

describe('the table of mounts', () => {
  test('has the system’s folders read-only, and no white space that a path brought', () => {
    const there = (path: string) => ['/usr', '/lib', '/opt/my ffmpeg', '/dev/null'].includes(path)
    expect(mountTable('/scratch/view', '/scratch', ['/opt/my ffmpeg'], there).trimEnd().split('\n')).toEqual([
      'sandbox /scratch/view tmpfs size=1m,mode=755,nosuid,nodev 0 0',
      '/scratch/etc /scratch/view/etc none bind,ro,nosuid,X-mount.mkdir 0 0',
      '/scratch/dev /scratch/view/dev none bind,ro,nosuid,X-mount.mkdir 0 0',
      '/dev/null /scratch/view/dev/null none bind 0 0',
      '/usr /scratch/view/usr none bind,ro,nosuid,X-mount.mkdir 0 0',
      '/lib /scratch/view/lib none bind,ro,nosuid,X-mount.mkdir 0 0',
      '/opt/my\\040ffmpeg /scratch/view/opt/my\\040ffmpeg none bind,ro,nosuid,X-mount.mkdir 0 0',
    ])
  })
})

describe('limits', () => {
  const video = factsOf().video
  const pictures = (changes: Partial<typeof video>) => ({
    ...video,
    codedWidth: 1920,
    codedHeight: 1080,
    ...changes,
  })

  test('grow with the pixels of the source, not below those of 1080p', () => {
    const rate = { num: 30, den: 1 }
    const cpu = (changes: Partial<typeof video>) =>
      videoLimits(settings, pictures({ rate, ...changes }), 10).cpuSeconds
    expect(cpu({})).toBe(300 + 1200)
    expect(cpu({ codedWidth: 320, codedHeight: 180 })).toBe(300 + 1200)
    expect(cpu({ codedWidth: 3840, codedHeight: 2160, rate: { num: 60, den: 1 } })).toBe(300 + 8 * 1200)
  })

  test('are all set, but those that are switched off', () => {
    expect(probeLimits(settings, 60)).toEqual({ memoryMb: 8192, nice: 5, cpuSeconds: 240, fileBytes: 0 })
    expect(posterLimits(settings, 600)).toMatchObject({ cpuSeconds: 2400, fileBytes: 64 * 2 ** 20 })
    expect(audioLimits(settings, 3600)).toMatchObject({ cpuSeconds: 300 + 21_600, fileBytes: 2 ** 30 })
    const free = videoLimits({ ...settings, cpuFactor: 0 }, video, 10)
    expect([free.cpuSeconds, wallMs(free)]).toEqual([undefined, undefined])
  })

  test('of the clock are far above those of the CPU', () => {
    expect(wallMs({ memoryMb: 1, nice: 0, cpuSeconds: 10 })).toBe(3_600_000)
    expect(wallMs({ memoryMb: 1, nice: 0, cpuSeconds: 10_000 })).toBe(40_000_000)
  })
})
