/** What a Dockerfile may get wrong and still build: held here, since CI has no container tool. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { readSource, readSources, root } from '../house/sources.ts'
import { inherited, isSent, readStages, type Stage } from './dockerfile.ts'

const stages = readStages()
const worker = stages.at(-1)!
const backlog = stages.find((stage) => stage.name === 'backlog')!
const finals: [string, Stage][] = [
  ['worker', worker],
  ['backlog', backlog],
]
const defaults = new Map(
  stages[0]!.instructions.map(({ rest }): [string, string] => {
    const [name = '', ...value] = rest.split('=')
    return [name, value.join('=')]
  }),
)
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** `a b c` behind COPY without --from: sources and, last, the target. */
const sourcesOf = (stage: Stage) =>
  inherited(stages, stage, 'COPY')
    .filter((rest) => !rest.startsWith('--from='))
    .flatMap((rest) => rest.split(' ').slice(0, -1))

test('worker is the default target', () => expect(worker.name).toBe('worker'))

test('every base is pinned by version and digest, or a stage of ours', () => {
  const names = stages.map((stage) => stage.name)
  for (const { from } of stages.slice(1)) {
    const image = defaults.get(/^\$\{(\w+)\}$/.exec(from)?.[1] ?? '')
    if (image === undefined) expect(names).toContain(from)
    else expect(image).toMatch(/:[\w.-]*\d{2,}[\w.-]*@sha256:[0-9a-f]{64}$/)
  }
  const [, major] = /node:(\d+)/.exec(defaults.get('NODE_IMAGE') ?? '') ?? []
  expect(manifest.engines.node).toBe(`>=${major}`)
})

test('ffmpeg is pinned by its exact version, and tried while the image is built', () => {
  const [version] = inherited(stages, worker, 'ARG').filter((rest) => rest.startsWith('FFMPEG_VERSION='))
  expect(version).toMatch(/^FFMPEG_VERSION=7:\d+\.\d+\.\d+-\S+$/)
  const commands = inherited(stages, worker, 'RUN').join('\n')
  expect(commands).toMatch(/install -y --no-install-recommends "ffmpeg=\$\{FFMPEG_VERSION\}"/)
  expect(commands).toContain('node deploy/image/main-tools.ts')
})

test('what changes often is copied behind what takes long: a new package installs no ffmpeg again', () => {
  const steps = worker.instructions.map(({ name, rest }) => `${name} ${rest}`)
  const at = (text: string) => steps.findIndex((step) => step.includes(text))
  const order = ['apt-get install', 'COPY --from=node ', 'COPY --from=packages ', 'COPY worker ']
  expect(order.map(at)).toEqual(order.map(at).toSorted((a, b) => a - b))
  expect(Math.min(...order.map(at))).toBeGreaterThanOrEqual(0)
})

describe.each(finals)('the image %s', (_, stage) => {
  const own = (name: string) => stage.instructions.filter((each) => each.name === name)

  test('runs as somebody who is not root, from its last USER on', () => {
    expect(inherited(stages, stage, 'USER').at(-1)).toBe('node')
  })

  test('starts without a shell between: exec form', () => {
    for (const name of ['ENTRYPOINT', 'CMD']) {
      const words: string[] = JSON.parse(own(name).at(-1)?.rest ?? '')
      expect(words.length).toBeGreaterThan(0)
      for (const word of words.filter((each) => each.startsWith('/app/')))
        expect(isSent(word.slice('/app/'.length)) && existsSync(join(root, word.slice('/app/'.length)))).toBe(
          true,
        )
    }
  })

  test('says what it is, and from which commit', () => {
    const labels = own('LABEL')
      .map((each) => each.rest)
      .join(' ')
    for (const name of ['title', 'description', 'licenses', 'version', 'revision'])
      expect(labels).toContain(`org.opencontainers.image.${name}=`)
    expect(labels).toMatch(/version="\$\{VERSION\}".*revision="\$\{REVISION\}"/)
  })

  test('copies only what is there and is sent to the builder', () => {
    const sources = sourcesOf(stage)
    expect(sources.length).toBeGreaterThan(0)
    expect(sources.filter((path) => !existsSync(join(root, path)) || !isSent(path))).toEqual([])
  })

  test('lists what is inside: packages of npm and of Debian', () => {
    expect(inherited(stages, stage, 'RUN').join('\n')).toContain('> sbom/debian.tsv')
    const packages = stages.find((each) => each.name === 'packages')!
    const [install] = packages.instructions.filter((each) => each.name === 'RUN')
    expect(install?.rest).toMatch(
      /npm ci --omit=dev .*npm sbom --package-lock-only --omit=dev .*> sbom\/npm\.cdx\.json/,
    )
  })
})

test('the worker’s health is what its own server says, and its init is tini', () => {
  const [check] = worker.instructions.filter((each) => each.name === 'HEALTHCHECK')
  const command = JSON.parse(/CMD (\[.*\])$/.exec(check?.rest ?? '')?.[1] ?? '[]')
  expect(command).toEqual(['/usr/local/bin/node', '/app/deploy/image/main-health.ts'])
  const [entrypoint] = worker.instructions.filter((each) => each.name === 'ENTRYPOINT')
  expect(JSON.parse(entrypoint?.rest ?? '[]').slice(0, 2)).toEqual(['/usr/bin/tini', '--'])
})

test('the worker’s memory settings are those of pm2’s configuration', () => {
  const { apps } = createRequire(import.meta.url)('../../../ecosystem.config.cjs')
  const entrypoint = readFileSync(join(root, 'deploy/image/entrypoint.sh'), 'utf8')
  expect(entrypoint).toContain(`exec node ${apps[0].node_args.join(' ')} worker/main.ts`)
  const environment = inherited(stages, worker, 'ENV').join(' ')
  expect(environment).toContain(`MALLOC_ARENA_MAX=${apps[0].env.MALLOC_ARENA_MAX}`)
})

test('the commands of docs/image.md give a stop more time than a drain and its last words take', () => {
  const given = [...readFileSync(join(root, 'docs/image.md'), 'utf8').matchAll(/--stop-timeout (\d+)/g)]
  const drain = Number(/'DRAIN_SECONDS',\s+(\d+)/.exec(readSource('shared/config-schema.ts').code)?.[1])
  expect(given.length).toBeGreaterThan(0)
  for (const [, seconds] of given) expect(Number(seconds)).toBeGreaterThan(drain + 15)
})

describe('what is sent to the builder', () => {
  test.each([
    '.env',
    'worker/.env',
    'deploy/.env.production',
    'deploy/backlog/production.env',
    'shared/private.pem',
    'deploy/tls.key',
    '.npmrc',
    'deploy/.npmrc',
    '.aws/credentials',
    'worker/.aws/credentials',
    '.git/config',
    'node_modules/x/index.js',
    'worker/node_modules/x.js',
    'test/local/stack.ts',
    'notes.txt',
    'deploy/stack/out/template.json',
  ])('has no %s', (path) => expect(isSent(path)).toBe(false))

  test('has every file that the programs inside import, and every script of Redis', () => {
    const all = new Map(
      readSources(['shared', 'worker', 'deploy']).map((source) => [source.path, source] as const),
    )
    const starts = [
      'worker/main.ts',
      'deploy/commands/main.ts',
      ...globSync('deploy/{backlog,image}/main*.ts', { cwd: root }),
    ]
    const needed = new Set(globSync('shared/lua/*.lua', { cwd: root }))
    const packages = new Set<string>()
    const walk = (path: string) => {
      if (needed.has(path)) return
      needed.add(path)
      for (const { target, relative, typeOnly } of all.get(path)?.imports ?? []) {
        if (typeOnly) continue
        if (relative) walk(target)
        else packages.add(target.split('/', target.startsWith('@') ? 2 : 1).join('/'))
      }
    }
    for (const path of starts) walk(path)
    expect([...needed].filter((path) => !isSent(path))).toEqual([])
    const absent = [...packages].filter(
      (name) => !name.startsWith('node:') && !(name in manifest.dependencies),
    )
    expect(absent).toEqual([])
  })
})
