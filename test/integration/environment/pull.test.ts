/** `env pull` and `env verify`: files, their modes, what is run on a change, and what runs already. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { api } from '../../unit/environment/samples.ts'
import { apiName, type Bench, dotenv, openBench, worker, workerName } from './harness.ts'

let bench: Bench
beforeAll(async () => {
  bench = await openBench()
})
afterEach(() => {
  bench.ssm.store.clear()
  bench.ssm.faults.clear()
})
afterAll(() => bench?.close())

let count = 0
/** A folder for one test. */
async function folder() {
  const dir = join(bench.dir, `pull-${++count}`)
  await mkdir(dir)
  return { dir, file: join(dir, 'env'), read: () => readFile(join(dir, 'env'), 'utf8') }
}
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8)
const store = (text: string) => bench.ssm.store.write(workerName, text)

describe('a pull', () => {
  test('writes the file whole with mode 600, and touches it no more until something changes', async () => {
    const { dir, file, read } = await folder()
    const pull = () => bench.run(`pull --role worker --out ${file} --json`)
    store(worker())
    bench.ssm.calls.length = 0
    expect((await pull()).json).toMatchObject({ version: 1, changed: true, ran: false, variables: 9 })
    // An instance needs the right to this alone: the history holds every secret that ever was.
    expect(bench.ssm.calls).toEqual(['GetParameter'])
    expect([await read(), await modeOf(file), await readdir(dir)]).toEqual([worker(), '600', ['env']])
    const { ino } = await stat(file)
    await chmod(file, 0o644)
    expect((await pull()).json).toMatchObject({ changed: false })
    expect([(await stat(file)).ino, await modeOf(file)]).toEqual([ino, '600'])
    store(worker({ FANOUT: 'never' }))
    expect((await pull()).json).toMatchObject({ version: 2, changed: true })
    expect([await read(), await modeOf(file)]).toEqual([worker({ FANOUT: 'never' }), '600'])
  })

  test('runs the command when the file changed, and once more when that failed', async () => {
    const { dir, file } = await folder()
    const ran = join(dir, 'ran')
    // Fails the first time, and then does what it is for.
    const script = join(dir, 'recreate')
    await writeFile(script, `#!/bin/sh\necho recreating\ntest -e ${ran} || { touch ${ran}; exit 3; }\n`, {
      mode: 0o755,
    })
    const pull = () => bench.run(`pull --role worker --out ${file} --json --on-change ${script}`)
    store(worker())
    const failed = await pull()
    expect(failed).toMatchObject({
      exit: 1,
      err: expect.stringMatching(/ended with 3: recreating\. The next pull runs it again/),
    })
    expect(await readFile(file, 'utf8')).toBe(worker())
    expect(await pull()).toMatchObject({ exit: 0, json: { changed: false, ran: true }, err: 'recreating\n' })
    expect(await pull()).toMatchObject({ exit: 0, json: { changed: false, ran: false }, err: '' })
    expect((await readdir(dir)).sort()).toEqual(['env', 'ran', 'recreate'])
  })

  test('leaves the file where nothing good is to be had, and says what', async () => {
    const { file, read, dir } = await folder()
    const pull = () => bench.run(`pull --role worker --out ${file}`)
    expect(await pull()).toMatchObject({
      exit: 66,
      err: expect.stringContaining(`no parameter ${workerName}`),
    })
    await writeFile(file, 'old')
    store(worker().replace(/REDIS_HOST.*\n/, ''))
    expect(await pull()).toMatchObject({ exit: 78, err: expect.stringContaining('- REDIS_HOST is required') })
    store('R2_BUCKET: films')
    expect(await pull()).toMatchObject({ exit: 65, err: expect.stringContaining('line 1: is YAML') })
    bench.ssm.faults.failNext({}, { reset: true, times: 3 })
    expect(await pull()).toMatchObject({ exit: 69, err: expect.stringContaining('Parameter Store did not') })
    expect([await read(), await readdir(dir)]).toEqual(['old', ['env']])
    store(worker())
    expect(await bench.run(`pull --role worker --out ${dir}/none/env`)).toMatchObject({
      ...{ exit: 1, err: expect.stringContaining('could not be written: ENOENT') },
    })
    expect(await bench.run('pull --role worker')).toMatchObject({ exit: 64 })
  })

  test('writes what docker reads, when asked', async () => {
    const { file, read } = await folder()
    store(worker({ REDIS_PASSWORD: "'$a b'" }))
    await bench.run(`pull --role worker --out ${file}`)
    expect(await read()).toContain("REDIS_PASSWORD='$a b'\n")
    await bench.run(`pull --role worker --out ${file} --format docker`)
    expect(await read()).toContain('REDIS_PASSWORD=$a b\n')
    expect(await bench.run(`pull --role worker --out ${file} --format json`)).toMatchObject({ exit: 64 })
  })
})

describe('a look at what runs', () => {
  test('is content when file and process have what is stored, and says which variables else', async () => {
    const { file } = await folder()
    store(worker())
    await bench.run(`pull --role worker --out ${file}`)
    const child = spawn('sleep', ['600'], {
      env: {
        PATH: process.env.PATH,
        ...Object.fromEntries(
          worker()
            .trim()
            .split('\n')
            .map((line) => line.split('=')),
        ),
      },
    })
    await once(child, 'spawn')
    try {
      const verify = () => bench.run(`verify --role worker --file ${file} --pid ${child.pid} --json`)
      const good = await verify()
      expect(good).toMatchObject({ exit: 0, json: { version: 1 } })
      expect(good.json.compared).toEqual([
        { what: file, differ: [] },
        { what: `process ${child.pid}`, differ: [] },
      ])
      store(worker({ R2_SECRET_KEY: 'other', FANOUT: 'never' }))
      const bad = await verify()
      expect(bad).toMatchObject({ exit: 1, err: expect.stringContaining('environment_differs') })
      for (const { differ } of bad.json.compared)
        expect(differ.toSorted()).toEqual(['FANOUT', 'R2_SECRET_KEY'])
    } finally {
      child.kill('SIGKILL')
    }
    expect(await bench.run('verify --role worker --pid 2147483647')).toMatchObject({ exit: 66 })
  })

  test('holds what both roles share against each other', async () => {
    store(worker())
    bench.ssm.store.write(apiName, dotenv(api))
    expect(await bench.run('verify --role worker --both')).toMatchObject({ exit: 0, err: '' })
    bench.ssm.store.write(apiName, dotenv({ ...api, INTERNAL_WORKER_TOKEN: 'another' }))
    const { exit, out } = await bench.run('verify --role api --both')
    expect([exit, out]).toEqual([1, expect.stringContaining(`${workerName} differs: INTERNAL_WORKER_TOKEN`)])
  })

  test('is not enough when the role could not start with it', async () => {
    store('R2_BUCKET=films')
    expect(await bench.run('verify --role worker')).toMatchObject({ exit: 78 })
  })
})
