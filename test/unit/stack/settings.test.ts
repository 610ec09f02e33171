import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { readSettings, settingsTable } from '../../../deploy/stack/settings.ts'

const file = new URL('../../../deploy/stack/settings.example.json', import.meta.url)
const example = JSON.parse(readFileSync(file, 'utf8'))

/** The example with some settings changed, by their paths. */
function changed(changes: Record<string, unknown>): string {
  const copy = structuredClone(example)
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split('.')
    const last = steps.pop()!
    let place = copy
    for (const step of steps) place = place[step] ??= {}
    place[last] = value
  }
  return JSON.stringify(copy)
}

function problemsOf(text: string): string[] {
  try {
    readSettings(text, 'settings.json')
    return []
  } catch (error) {
    expect(error).toMatchObject({ code: 'config_invalid' })
    return (error as Error).message.split('\n')
  }
}

test('the example can be read, and the rest are defaults', () => {
  const settings = readSettings(JSON.stringify(example), 'settings.json')
  expect(settings.queues).toMatchObject({ create: false, deadLetterName: 'academy-video-jobs-dlq' })
  expect(settings.network.publisherSubnetIds).toEqual(settings.network.subnetIds)
  expect(settings.group).toMatchObject({ hookSeconds: 900, maxLifetimeDays: 7 })
})

test('every setting of the example is one that exists, and the table shows every one', () => {
  const rows = settingsTable().map(([name]) => name)
  expect(new Set(rows).size).toBe(rows.length)
  expect(rows).toContain('`instances.types.x86_64`')
  expect(settingsTable().find(([name]) => name === '`region`')?.[1]).toBe('**required**')
})

describe('a wrong file is refused', () => {
  test('with every problem in one message, by its name', () => {
    const problems = problemsOf(
      changed({
        region: 'Seoul',
        'network.vpcId': 'my-vpc',
        'group.maxSize': '20',
        'queues.nmae': 'x',
        'images.publisherDigest': 'latest',
      }),
    )
    expect(problems[0]).toBe('The settings in settings.json are wrong:')
    expect(problems.join('\n')).toMatch(/^- region must be a region like ap-northeast-2/m)
    expect(problems.join('\n')).toMatch(/^- network\.vpcId must be an id like vpc-/m)
    expect(problems.join('\n')).toMatch(
      /^- group\.maxSize must be a whole number from 1 to 1000, without quotes/m,
    )
    expect(problems.join('\n')).toMatch(/^- queues\.nmae is no setting$/m)
    expect(problems.join('\n')).toMatch(/^- images\.publisherDigest must be a digest.* not a tag/m)
    expect(problems).toHaveLength(6)
  })

  test('when a flag is a word', () => {
    expect(problemsOf(changed({ 'queues.create': 'no' })).join('\n')).toContain(
      'queues.create must be true or false',
    )
  })

  test('naming what is required and missing', () => {
    expect(problemsOf('{}').join('\n')).toMatch(/^- network\.subnetIds is required/m)
  })

  test.each(['[]', 'null', '{', ''])('when it is no object: %s', (text) => {
    expect(problemsOf(text)).toHaveLength(2)
  })

  test.each([
    [{ 'instances.types.arm64': ['c7g.2xlarge', 'c7g.4xlarge'] }, 'must be of one size'],
    [{ 'instances.types': { arm64: ['c7g.2xlarge'], x86_64: [] } }, 'two types at least'],
    [{ 'instances.ami.arm64': '' }, 'instances.ami.arm64 is required'],
    [{ 'instances.scratchGiB': 0 }, 'no disk of its own has c7g.2xlarge'],
    [{ 'scaling.backlogPerInstance': 60 }, 'alarms.backlogPerInstance must be more'],
    [{ 'group.minSize': 30 }, 'group.minSize must not be more'],
    [{ 'queues.deadLetterName': 'academy-video-jobs' }, 'names that differ'],
    [
      { 'queues.retentionDays': 13, 'queues.deadLetterRetentionDays': 13 },
      'must be more than queues.retentionDays',
    ],
    [{ 'network.egressPorts': [443] }, 'must hold the port of publisher.apiUrl, 80'],
    [{ 'run.from': 'code' }, 'run.codeUri is required'],
    [
      { 'network.subnetIds': ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef0'] },
      'must not name one twice',
    ],
    [{ 'logs.retentionDays': 31 }, 'must be one of 1, 3, 5'],
    [{ 'queues.maxReceiveCount': 3 }, 'from 50 to 1000'],
    [
      { 'instances.ami.x86_64': '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64' },
      'a pinned one',
    ],
    [{ 'parameters.image': "/a'; reboot; '" }, 'parameters.image must be the name of an SSM parameter'],
    [{ 'run.codeUri': "s3://bucket/a'b.tar.gz" }, 'run.codeUri must be'],
  ])('when it does not fit together: %j', (changes, words) => {
    expect(problemsOf(changed(changes as Record<string, unknown>)).join('\n')).toContain(words)
  })
})

test('types with disks of their own need no volume', () => {
  const types = { arm64: ['c7gd.2xlarge', 'c6gd.2xlarge', 'im4gn.2xlarge'], x86_64: [] }
  const problems = problemsOf(changed({ 'instances.types': types, 'instances.scratchGiB': 0 }))
  expect(problems.join('\n')).toContain('no disk of its own has im4gn.2xlarge')
  types.arm64.pop()
  expect(problemsOf(changed({ 'instances.types': types, 'instances.scratchGiB': 0 }))).toEqual([])
})
