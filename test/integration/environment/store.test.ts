/** `env push`, `diff`, `history` and `rollback`: the real client against a server that keeps Parameter Store's rules. */
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
  bench.ssm.calls.length = 0
})
afterAll(() => bench?.close())

const push = (given: string | Uint8Array, more = '--yes') =>
  bench.run(`push FILE --role worker --json ${more}`.trim(), given)
const versions = () => bench.ssm.store.versions(workerName)
const refusal = (ended: { exit: number; err: string }) => {
  const last = ended.err.trimEnd().split('\n').at(-1) ?? ''
  const { code, message } = JSON.parse(last).error as { code: string; message: string }
  return [ended.exit, code, message] as const
}

describe('a push', () => {
  test('makes the parameter, encrypted, and changes it from then on', async () => {
    const made = await push(worker())
    expect(made).toMatchObject({ exit: 0, json: { parameter: workerName, version: 1, written: true } })
    expect(versions()).toMatchObject([{ Type: 'SecureString', Tier: 'Standard', KeyId: 'alias/aws/ssm' }])
    expect(bench.stored()).toBe(worker())

    const changed = await push('R2_SECRET_KEY=other-secret\nFANOUT=never\n')
    expect(changed.json.changes).toEqual([
      { name: 'R2_SECRET_KEY', kind: 'changed', before: '[secret]', after: '[secret]' },
      { name: 'FANOUT', kind: 'added', before: null, after: 'never' },
    ])
    expect(bench.stored()).toBe(worker({ R2_SECRET_KEY: 'other-secret', FANOUT: 'never' }))
    expect(await push('FANOUT=never\n')).toMatchObject({ json: { version: 2, written: false, changes: [] } })
    expect(versions()).toHaveLength(2)
  })

  test('of the API has a parameter and a list of its own', async () => {
    const pushed = await bench.run('push FILE --role api --yes', dotenv(api))
    expect(pushed).toMatchObject({ exit: 0, err: '' })
    expect(bench.stored(apiName)).toBe(dotenv(api))
    const workers = await bench.run('push FILE --role api --yes --json --parameter /other/env', worker())
    expect(refusal(workers)).toEqual([
      78,
      'config_invalid',
      expect.stringContaining('- DB_PASSWORD is required'),
    ])
    expect(bench.ssm.store.versions('/other/env')).toEqual([])
  })

  test('saved by Windows stores the same', async () => {
    await push(Buffer.from(`\uFEFF# 비디오\r\n${worker().replaceAll('\n', '\r\n')}`, 'utf16le'))
    expect(bench.stored()).toBe(worker())
  })

  test('asks, with what it would do; a no, or nobody to ask, writes nothing', async () => {
    await push(worker())
    const asked: string[] = []
    const ask = (answer: string) =>
      bench.run('push FILE --role worker', 'R2_SECRET_KEY=new-secret\n', {
        ask: async (question) => {
          asked.push(question)
          return answer
        },
      })
    const no = await ask('n')
    expect(no).toMatchObject({ exit: 130, out: '', err: expect.stringContaining('~ R2_SECRET_KEY') })
    expect(asked).toEqual([`Store 1 change in ${workerName}, over version 1? [y/N] `])
    expect(await bench.run('push FILE --role worker', 'FANOUT=never\n')).toMatchObject({ exit: 77, out: '' })
    expect(await bench.run('push FILE --role worker --dry-run', 'FANOUT=never\n')).toMatchObject({ exit: 0 })
    expect(versions()).toHaveLength(1)
    expect(await ask('y')).toMatchObject({ exit: 0, out: expect.stringContaining('is at version 2') })
  })

  test('shows no value of a secret, wherever it looks and however it fails', async () => {
    const secret = 'v3ry-s3cr3t'
    const secrets = {
      R2_SECRET_KEY: secret,
      INTERNAL_WORKER_TOKEN: secret,
      REDIS_PASSWORD: secret,
      OTHER: secret,
    }
    const ends = [
      await push(worker(secrets)),
      await push(worker({ ...secrets, OTHER: `${secret}2` }), '--dry-run'),
      await push(worker({ R2_SECRET_KEY: `${secret} #2` })),
      await push(`OTHER=\nREDIS_HOST=redis://:${secret}@h\n`),
      await push(`REDIS_HOST=redis://:${secret}@h\nREDIS_PORT=${secret}\n`),
      await bench.run('history --role worker --json'),
      await bench.run('history --role worker'),
      await bench.run('diff --role worker --from 1', ''),
      await bench.run('diff --role worker --file FILE --json', `OTHER=x${secret}\n`),
      await bench.run('verify --role worker --file FILE', `OTHER=x${secret}\n`),
    ]
    expect(ends.map(({ exit }) => exit)).toEqual([0, 0, 65, 65, 78, 0, 0, 0, 0, 1])
    for (const { out, err } of ends) expect(out + err).not.toContain(secret)
  })
})

describe('a push is refused', () => {
  test('when a variable would go that nobody named: one line does not replace what is there', async () => {
    await push(worker({ FANOUT: 'never' }))
    const one = await push('R2_BUCKET=films\n', '--yes --replace')
    expect(refusal(one)).toEqual([
      65,
      'environment_drops',
      expect.stringMatching(/^9 of 10 .*--drop API_BASE_URL,/),
    ])
    expect(refusal(await push('FANOUT=\n'))).toEqual([
      65,
      'environment_drops',
      expect.stringMatching(/--drop FANOUT$/),
    ])
    expect(versions()).toHaveLength(1)
    expect(await push('R2_BUCKET=films\n', '--yes --drop FANOUT')).toMatchObject({ exit: 0 })
    expect(bench.stored()).toBe(worker({ R2_BUCKET: 'films' }))
  })

  test('when a required variable would go, named or not; when --drop names nothing', async () => {
    await push(worker())
    expect(refusal(await push('FANOUT=never\n', '--yes --drop REDIS_HOST'))).toEqual([
      ...[78, 'config_invalid', expect.stringContaining('- REDIS_HOST is required and not set')],
    ])
    expect(refusal(await push('FANOUT=never\n', '--yes --drop FANUOT'))).toEqual([
      ...[64, 'usage', expect.stringContaining('there is no FANUOT')],
    ])
    expect(versions()).toHaveLength(1)
  })

  test('when the file’s line ends are lost, or it is none', async () => {
    await push(worker())
    const flat = worker().trim().replaceAll('\n', ' ')
    expect(refusal(await push(flat))).toEqual([
      65,
      'environment_unreadable',
      expect.stringContaining('line 1: API_BASE_URL holds'),
    ])
    expect(refusal(await push('# nothing\n'))).toEqual([
      65,
      'environment_unreadable',
      expect.stringContaining('has no variable'),
    ])
    expect(refusal(await bench.run('push DIR/none --role worker --yes --json'))).toEqual([
      ...[66, 'not_found', expect.stringContaining('ENOENT')],
    ])
    expect(versions()).toHaveLength(1)
  })

  test('when the role is none', async () => {
    expect(refusal(await bench.run('push FILE --role web --yes --json', worker()))).toEqual([
      ...[64, 'usage', expect.stringContaining('--role must be api or worker')],
    ])
  })

  test('above 8,192 bytes; above 4,096 it becomes an advanced parameter, and stays one', async () => {
    await push(worker())
    expect(await push(`LONG=${'x'.repeat(5000)}\n`)).toMatchObject({
      ...{
        exit: 0,
        err: expect.stringContaining('becomes an advanced parameter'),
        json: { tier: 'Advanced' },
      },
    })
    expect(refusal(await push(`LONGER=${'x'.repeat(3000)}\n`))).toEqual([
      ...[65, 'environment_too_large', expect.stringMatching(/has \d{4} bytes, and a parameter holds 8192/)],
    ])
    expect(await push('SHORT=y\n', '--yes --drop LONG')).toMatchObject({ exit: 0, err: '' })
    expect(versions().map(({ Tier }) => Tier)).toEqual(['Standard', 'Advanced', 'Advanced'])
  })

  test('when what is stored cannot be read, but by a whole file', async () => {
    bench.ssm.store.write(workerName, `${worker()}WHAT: this\n`)
    expect(refusal(await push('FANOUT=never\n'))).toEqual([
      ...[65, 'environment_unreadable', expect.stringContaining('line 10: is YAML')],
    ])
    expect(await push(worker(), '--yes --replace')).toMatchObject({ exit: 0, json: { version: 2 } })
  })

  test('when Parameter Store refuses or does not answer, by its own name', async () => {
    const fail = (code: string, status: number, times = 1) =>
      bench.ssm.faults.failNext({ operation: 'GetParameterHistory' }, { status, code, times })
    fail('AccessDeniedException', 400)
    expect(refusal(await push(worker()))).toEqual([
      1,
      'parameter_refused',
      expect.stringContaining('AccessDenied'),
    ])
    fail('InternalServerError', 500, 3)
    expect(refusal(await push(worker()))).toEqual([
      69,
      'parameter_unavailable',
      expect.stringContaining('500'),
    ])
    fail('ThrottlingException', 400, 2)
    expect(await push(worker())).toMatchObject({ exit: 0 })
    for (let version = 2; version <= 100; version++) bench.ssm.store.write(workerName, worker())
    bench.ssm.store.act(
      'LabelParameterVersion',
      { Name: workerName, ParameterVersion: 1, Labels: ['kept'] },
      '',
    )
    expect(refusal(await push('FANOUT=never\n'))).toEqual([
      1,
      'parameter_refused',
      expect.stringContaining('has a label'),
    ])
  })
})

describe('somebody else', () => {
  /** Writes just before the tool's first such request has its effect. */
  const meanwhile = (operation: string, text: string) => {
    const { store } = bench.ssm
    const act = store.act
    store.act = (action, input, by) => {
      if (action !== operation) return act(action, input, by)
      store.act = act
      store.write(workerName, text, 'arn:aws:iam::123456789012:user/bob')
      return act(action, input, by)
    }
  }

  test('who writes before the answer to the question is noticed, and nothing is written', async () => {
    await push(worker())
    const ended = await bench.run('push FILE --role worker --json', 'FANOUT=never\n', {
      ask: async () => {
        bench.ssm.store.write(workerName, worker({ FANOUT: 'always' }))
        return 'y'
      },
    })
    expect(refusal(ended)).toEqual([
      75,
      'environment_changed',
      expect.stringContaining('nothing was written'),
    ])
    expect(bench.stored()).toBe(worker({ FANOUT: 'always' }))
  })

  test('who writes in the last moment is noticed by the version’s number, and named', async () => {
    await push(worker())
    meanwhile('PutParameter', worker({ FANOUT: 'always' }))
    expect(refusal(await push('PASSTHROUGH=never\n'))).toEqual([
      ...[
        75,
        'environment_changed',
        expect.stringMatching(/became 3: .*user\/bob wrote in between, .*not in 3/),
      ],
    ])
    expect(bench.stored()).toBe(worker({ PASSTHROUGH: 'never' }))
  })

  test('who makes the parameter first is not overwritten', async () => {
    meanwhile('PutParameter', worker({ FANOUT: 'always' }))
    expect(refusal(await push(worker()))).toEqual([
      ...[75, 'environment_changed', expect.stringContaining('Somebody else made')],
    ])
    expect(bench.stored()).toBe(worker({ FANOUT: 'always' }))
  })

  test('is not suspected when an answer was lost and the client wrote twice', async () => {
    await push(worker())
    bench.ssm.faults.failNext({ operation: 'PutParameter' }, { reset: true, when: 'after' })
    expect(await push('FANOUT=never\n')).toMatchObject({ exit: 0, json: { version: 3 } })
    expect(versions()).toHaveLength(3)
  })

  test('had the parameter encrypted with a key of theirs, which stays', async () => {
    const given = await push(worker(), '--yes --kms-key alias/video')
    expect(given.exit).toBe(0)
    await push('FANOUT=never\n')
    expect(versions().map(({ KeyId }) => KeyId)).toEqual(['alias/video', 'alias/video'])
  })
})

describe('the history', () => {
  test('says when, who and which variables, over all its pages', async () => {
    await push(worker())
    for (let round = 0; round < 60; round++)
      bench.ssm.store.write(workerName, worker({ FANOUT: round % 2 ? 'always' : 'never' }))
    await push('NEW=1\n', '--yes --drop FANOUT')
    bench.ssm.store.act('LabelParameterVersion', { Name: workerName, Labels: ['good'] }, '')
    const { json } = await bench.run('history --role worker --json --limit 0')
    expect(json.versions).toHaveLength(62)
    const [newest, , third] = json.versions
    expect(newest).toMatchObject({
      ...{ version: 62, by: 'arn:aws:iam::123456789012:user/ann', description: 'env push', labels: ['good'] },
      ...{ variables: 10, tier: 'Standard', unreadable: 0, at: expect.stringMatching(/^\d{4}-.*Z$/) },
      changes: [
        { name: 'NEW', kind: 'added', before: null, after: '[secret]' },
        expect.objectContaining({ kind: 'dropped' }),
      ],
    })
    expect(third.changes).toEqual([{ name: 'FANOUT', kind: 'changed', before: 'always', after: 'never' }])
    const { out } = await bench.run('history --role worker --limit 2')
    expect(out.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^VERSION +AT +WHO/),
      expect.stringMatching(/^62 .* user\/ann +env push +10 .* good +\+NEW -FANOUT$/),
      expect.stringMatching(/^61 .* user\/somebody .* ~FANOUT$/),
    ])
    expect(await bench.run('history --role api')).toMatchObject({ exit: 66 })
  })

  test('is gone back in, as a new version', async () => {
    await push(worker())
    await push('R2_BUCKET=films\n')
    const back = await bench.run('rollback --role worker --to 1 --yes --json')
    expect(back).toMatchObject({ exit: 0, json: { version: 3, from: 2, changes: [{ name: 'R2_BUCKET' }] } })
    expect(bench.stored()).toBe(worker())
    expect(versions().at(-1)).toMatchObject({ Description: 'env rollback to version 1' })
    const diff = await bench.run('diff --role worker --from 2 --to 3 --json')
    expect(diff.json.changes).toEqual([
      { name: 'R2_BUCKET', kind: 'changed', before: 'films', after: 'videos' },
    ])
  })

  test('is not gone back in where that is not enough, cannot be read, would drop, or is not kept', async () => {
    const back = (to: number, more = '') => bench.run(`rollback --role worker --to ${to} --yes --json${more}`)
    bench.ssm.store.write(workerName, 'R2_BUCKET=films')
    bench.ssm.store.write(workerName, worker().replaceAll('\n', ' '))
    bench.ssm.store.write(workerName, worker())
    bench.ssm.store.write(workerName, worker({ FANOUT: 'never' }))
    expect(refusal(await back(1))).toEqual([78, 'config_invalid', expect.stringContaining('Version 1 of')])
    expect(refusal(await back(2))).toEqual([
      65,
      'environment_unreadable',
      expect.stringContaining('version 2'),
    ])
    expect(refusal(await back(3))).toEqual([65, 'environment_drops', expect.stringMatching(/--drop FANOUT$/)])
    expect(refusal(await back(9))).toEqual([
      66,
      'parameter_missing',
      expect.stringContaining('1 to 4 are kept'),
    ])
    expect(versions()).toHaveLength(4)
    expect(await back(3, ' --drop FANOUT')).toMatchObject({ exit: 0 })
    expect(await bench.run('rollback --role worker --to 3')).toMatchObject({
      exit: 0,
      out: expect.stringContaining('holds that already'),
    })
    expect(await bench.run('rollback --role worker')).toMatchObject({ exit: 64 })
  })

  test('and a file are compared without writing', async () => {
    await push(worker({ FANOUT: 'never' }))
    const { out } = await bench.run('diff --role worker --file FILE', 'R2_BUCKET=films\nNEW=1\n')
    expect(out).toContain('~ R2_BUCKET  videos -> films\n+ NEW        [secret]\n')
    expect(out).toContain('only stored: API_BASE_URL,')
    expect(await bench.run('diff --role worker')).toMatchObject({ exit: 64 })
    expect(bench.ssm.calls.filter((action) => action === 'PutParameter')).toHaveLength(1)
  })
})
