import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openScratch, sweepScratch } from '../../../worker/job/workdir.ts'

let root = ''
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'scratch-test-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

const here = hostname()
/** No process has it: above the kernel's largest pid. */
const gonePid = 4_999_999
async function folder(name: string, owner?: object): Promise<void> {
  await mkdir(join(root, name), { recursive: true })
  if (owner) await writeFile(join(root, name, 'owner.json'), JSON.stringify(owner))
}

describe('a sweep', () => {
  test('leaves what belongs to a process that runs', async () => {
    const scratch = await openScratch(root, process.pid, 0)
    expect(await sweepScratch(root)).toBe(0)
    expect(await readdir(root)).toEqual([basename(scratch.dir)])
    expect(JSON.parse(await readFile(join(scratch.dir, 'owner.json'), 'utf8'))).toMatchObject({
      ...{ hostname: here, pid: process.pid },
    })
  })

  test('removes what a process of this host left, finished or half made', async () => {
    await folder(`worker-${here}-${gonePid}-00000000`, { hostname: here, pid: gonePid, start: '1' })
    await folder(`worker-${here}-${gonePid}-00000001`)
    await folder(`.worker-${here}-${gonePid}-00000002`)
    await folder(`worker-${here}-${process.pid}-00000003`, { hostname: here, pid: process.pid, start: '1' })
    expect(await sweepScratch(root)).toBe(4)
    expect(await readdir(root)).toEqual([])
  })

  test('leaves what another container has made on the same disk, and what is no worker’s', async () => {
    const names = ['worker-0123456789ab-1-00000000', `worker-${here}-mine`, 'lost+found']
    for (const name of names) await folder(name, { hostname: '0123456789ab', pid: gonePid })
    expect(await sweepScratch(root)).toBe(0)
    expect((await readdir(root)).sort()).toEqual([...names].sort())
  })
})

test('two scratch folders of one process id do not meet', async () => {
  const [one, other] = [await openScratch(root, process.pid, 0), await openScratch(root, process.pid, 0)]
  expect(one.dir).not.toBe(other.dir)
})

describe('the room on the disk', () => {
  test('is promised once, although two jobs ask at the same time', async () => {
    const scratch = await openScratch(root, process.pid, 10, async () => 100)
    const asked = await Promise.allSettled([scratch.jobDir('a', 60), scratch.jobDir('b', 60)])
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(asked.find((end) => end.status === 'rejected')!.reason).toMatchObject({
      ...{ code: 'scratch_full', kind: 'released' },
    })
  })

  test('is given back with the folder', async () => {
    const scratch = await openScratch(root, process.pid, 10, async () => 100)
    const first = await scratch.jobDir('a', 90)
    await expect(scratch.jobDir('b', 1)).rejects.toMatchObject({ code: 'scratch_full' })
    await first.remove()
    await first.remove()
    await (await scratch.jobDir('b', 90)).remove()
    expect(await readdir(scratch.dir)).toEqual(['owner.json'])
  })

  test('is not counted twice when the promised bytes have arrived', async () => {
    let free = 100
    const scratch = await openScratch(root, process.pid, 10, async () => free)
    const first = await scratch.jobDir('a', 50)
    first.arrived(40)
    free = 60
    await expect(scratch.jobDir('b', 41)).rejects.toMatchObject({ code: 'scratch_full' })
    await scratch.jobDir('b', 40)
  })
})
