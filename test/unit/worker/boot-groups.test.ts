import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openGroups } from '../../../worker/boot-groups.ts'

// A folder with the files of a control group; what the kernel does about them is tried by test/host.
const path = '/video.slice/worker@1.service'
let mount: string
beforeEach(async () => {
  mount = await mkdtemp(join(tmpdir(), 'groups-'))
  await mkdir(join(mount, path), { recursive: true })
  await writeFile(join(mount, path, 'cgroup.procs'), '7\n')
})
afterEach(() => rm(mount, { recursive: true, force: true }))

const files = (own = `12:cpu:/\n0::${path}\n`) => ({
  own: async () => own,
  mounts: ['/nowhere', mount],
  pid: 7,
})
const read = (file: string) => readFile(join(mount, path, file), 'utf8')

describe('the control group of the service', () => {
  test('is split in two, and ffmpeg weighs less than the worker', async () => {
    expect(await openGroups(20, files())).toEqual({
      ffmpeg: join(mount, path, 'ffmpeg'),
      said: 'ffmpeg weighs 20 against the worker’s 100',
    })
    expect(await read('worker/cgroup.procs')).toBe('7')
    expect(await read('cgroup.subtree_control')).toBe('+cpu')
    expect(await read('ffmpeg/cpu.weight')).toBe('20')
  })

  test('is split without a weight where the processors are not to be had', async () => {
    await mkdir(join(mount, path, 'cgroup.subtree_control'))
    const { ffmpeg, said } = await openGroups(20, files())
    expect(ffmpeg).toBe(join(mount, path, 'ffmpeg'))
    expect(said).toContain('EISDIR')
  })

  test('stays as it is when nothing is asked for', async () => {
    expect(await openGroups(0, files())).toEqual({ ffmpeg: undefined, said: 'not asked for' })
    await expect(read('worker/cgroup.procs')).rejects.toThrow('ENOENT')
  })

  test.each([
    ['of a container, which is its root', '0::/\n', 'this process has no control group of its own'],
    ['of version 1 alone', '4:cpu:/x\n', 'this process has no control group of its own'],
    ['that is not to be seen', '0::/elsewhere\n', 'the control group /elsewhere is not to be found'],
  ])('%s is said and left alone', async (_, own, said) => {
    expect(await openGroups(20, files(own))).toEqual({ ffmpeg: undefined, said })
  })
})
