/** .github: what is easily got wrong in a workflow, and is only seen when somebody else uses it. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { root } from '../house/sources.ts'

const paths = globSync('.github/workflows/*.yml', { cwd: root }).sort()
const read = (path: string) => readFileSync(join(root, path), 'utf8')

test('there are the three that docs/delivery.md describes', () => {
  const delivery = read('docs/delivery.md')
  expect(paths.map((path) => path.split('/').at(-1))).toEqual(['release.yml', 'rollback.yml', 'test.yml'])
  for (const path of paths) expect(delivery).toContain(path)
})

describe.each(paths)('%s', (path) => {
  const text = read(path)

  test('takes every action by its commit, with the version beside it', () => {
    const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, what = '']) => what)
    const ours = (what: string) => what.startsWith('./') && existsSync(join(root, what))
    const pinned = (what: string) => /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(what)
    expect(uses.length).toBeGreaterThan(0)
    expect(uses.filter((what) => !ours(what) && !pinned(what))).toEqual([])
  })

  test('stores no key: a role is assumed by a token of its run', () => {
    expect(text).not.toMatch(/secrets\.|access-key|AWS_SECRET/i)
    if (text.includes('configure-aws-credentials')) expect(text).toMatch(/id-token: write/)
    else expect(text).not.toMatch(/id-token/)
  })

  test('grants to read the code and no more by default, and leaves no token behind', () => {
    expect(text).toMatch(/^permissions:\n {2}contents: read\n(?! )/m)
    const checkouts = text.match(/actions\/checkout@/g)?.length ?? 0
    expect(text.match(/persist-credentials: false/g) ?? []).toHaveLength(checkouts)
  })

  test('puts nothing of an event or an input into a command line by text', () => {
    const commands = [...text.matchAll(/run: (?:\|\n((?: {10,}.*\n)+)|(.*)\n)/g)].map(
      ([, block, line]) => block ?? line ?? '',
    )
    expect(commands.length + (text.includes('run:') ? 0 : 1)).toBeGreaterThan(0)
    expect(commands.filter((each) => /\$\{\{ *(github|inputs|needs|steps)/.test(each))).toEqual([])
  })

  test('runs scripts that exist', () => {
    const scripts = [...text.matchAll(/deploy\/release\/[\w.-]+/g)].map(([script]) => script)
    expect(scripts.filter((script) => !existsSync(join(root, script)))).toEqual([])
  })

  test('ends by itself: every job has a limit', () => {
    const jobs = text.match(/^ {4}runs-on: /gm)?.length ?? 0
    expect(text.match(/^ {4}timeout-minutes: /gm) ?? []).toHaveLength(jobs)
  })
})

test('what changes the fleet runs one at a time, is never cut off, and asks the environment', () => {
  for (const path of ['release', 'rollback']) {
    const text = read(`.github/workflows/${path}.yml`)
    expect(text).toMatch(/^ {4}concurrency:\n {6}group: deployment\n {6}cancel-in-progress: false$/m)
    expect(text).toMatch(/environment: production/)
  }
})

describe('the roles of docs/delivery.md may what the scripts call', () => {
  const delivery = read('docs/delivery.md')
  const granted = (role: string) =>
    [...delivery.matchAll(new RegExp(`^\\| ${role} \\| (.*?) \\|`, 'gm'))].flatMap(([, actions = '']) =>
      [...actions.matchAll(/`([\w:]+)`/g)].map(([, action = '']) => action),
    )
  // The command line's own names, where they are not the action's.
  const others: Record<string, string> = {
    'ecr:GetLoginPassword': 'ecr:GetAuthorizationToken',
    'lambda:WaitFunctionUpdatedV2': 'lambda:GetFunction',
  }
  const calls = (script: string) =>
    [...read(`deploy/release/${script}`).matchAll(/\baws ([a-z]+) ((?:wait )?[a-z\d-]+)/g)].map(
      ([, service = '', words = '']) => {
        const name = words.replace(/(?:^|[ -])(\w)/g, (_, letter: string) => letter.toUpperCase())
        return others[`${service}:${name}`] ?? `${service}:${name}`
      },
    )
  const docker = [
    'BatchCheckLayerAvailability',
    'InitiateLayerUpload',
    'UploadLayerPart',
    'CompleteLayerUpload',
  ]
  const pull = ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer']

  test.each([
    ['push', ['build-and-push.sh'], [...docker.map((each) => `ecr:${each}`), 'ecr:PutImage', ...pull]],
    ['deploy', ['deploy.sh', 'rollback.sh'], pull],
  ])('%s', (role, scripts, byOthers) => {
    const called = new Set([...scripts.flatMap(calls), ...byOthers])
    expect([...new Set(granted(role))].sort()).toEqual([...called].sort())
  })

  test('each is trusted where its job runs: on main, and in the environment', () => {
    const jobs = read('.github/workflows/release.yml').split(/^ {2}(?=\w+:\n)/m)
    const job = (name: string) => jobs.findLast((text) => text.startsWith(`${name}:`)) ?? ''
    expect(job('push')).toMatch(/AWS_PUSH_ROLE/)
    expect(job('push')).not.toMatch(/environment:/)
    expect(job('deploy')).toMatch(/environment: production\n.*AWS_DEPLOY_ROLE.*role-duration-seconds: 10800/s)
    for (const each of ['ref:refs/heads/main', 'environment:production'])
      expect(delivery).toContain(`NAME:${each}`)
    expect(delivery).toContain('--max-session-duration 10800')
  })
})
