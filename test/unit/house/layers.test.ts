/** Who may import whom; the directions are those of the architecture, the reasons stand beside each layer. */
import { describe, expect, test } from '@jest/globals'
import { readSources, type Source } from './sources.ts'

interface Layer {
  name: string
  holds: (path: string) => boolean
  /** Names of the layers it may import besides itself. */
  uses: string[]
}

const inFolder = (folder: string) => (path: string) => path.startsWith(`${folder}/`)
const file = (name: string) => (path: string) => path === name

/** The first layer that holds a path is its layer. */
const layers: Layer[] = [
  { name: 'shared', holds: inFolder('shared'), uses: [] },
  // The set-up runs before anything is installed, on any Node from 20 on.
  { name: 'set-up', holds: inFolder('deploy/setup'), uses: [] },
  { name: 'deploy', holds: inFolder('deploy'), uses: ['shared'] },
  // What ffmpeg is asked and what it answers; usable without a queue, a bucket or a job.
  { name: 'media', holds: inFolder('worker/media'), uses: ['shared'] },
  { name: 'chunk', holds: inFolder('worker/chunk'), uses: ['media', 'shared'] },
  { name: 'job', holds: inFolder('worker/job'), uses: ['chunk', 'media', 'shared'] },
  { name: 'notices', holds: inFolder('worker/notices'), uses: ['shared'] },
  { name: 'server', holds: inFolder('worker/server'), uses: ['shared'] },
  // The composition root opens everything and hands it on.
  {
    name: 'main',
    holds: file('worker/main.ts'),
    uses: ['worker', 'slots', 'server', 'notices', 'job', 'media', 'shared'],
  },
  { name: 'worker', holds: file('worker/worker.ts'), uses: ['slots', 'notices', 'job', 'shared'] },
  // Boot, intake, lease, settle, drain: what surrounds a job.
  { name: 'slots', holds: inFolder('worker'), uses: ['job', 'chunk', 'media', 'shared'] },
  { name: 'test', holds: inFolder('test'), uses: [] },
]
const everyLayer = layers.map((layer) => layer.name)
const sources = readSources(['shared', 'worker', 'deploy', 'test'])

const layerOf = (path: string) => layers.find((layer) => layer.holds(path))

describe('imports', () => {
  test('point down the layers, and only the tests reach everything', () => {
    const wrong: string[] = []
    for (const source of sources) {
      const layer = layerOf(source.path)
      const allowed = layer?.name === 'test' ? everyLayer : [layer?.name, ...(layer?.uses ?? [])]
      for (const { target, relative } of source.imports) {
        if (!relative) continue
        const used = layerOf(target)?.name
        // package.json and the like belong to no layer.
        if (used !== undefined && !allowed.includes(used)) wrong.push(`${source.path} imports ${target}`)
      }
    }
    expect(wrong).toEqual([])
  })

  test('form no circle', () => {
    expect(findCircles(sources)).toEqual([])
  })

  test('of relative files name the file with its ending', () => {
    const wrong = sources.flatMap((source) =>
      source.imports
        // A file inside a package is .js; ours never are.
        .filter((each) => each.relative && !/\.(ts|mjs|cjs|json)$|^node_modules\//.test(each.target))
        .map((each) => `${source.path} imports ${each.target}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('a client of the outside world is opened in one place', () => {
  const owners: Record<string, RegExp> = {
    execa: /^worker\/media\/run[a-z-]*\.ts$/,
    got: /^shared\/(api[a-z-]*|metadata)\.ts$/,
    ioredis: /^shared\/redis\.ts$/,
    '@aws-sdk/client-s3': /^shared\/storage[a-z-]*\.ts$/,
    '@aws-sdk/lib-storage': /^shared\/storage[a-z-]*\.ts$/,
    '@aws-sdk/client-sqs': /^shared\/queue[a-z-]*\.ts$/,
    '@aws-sdk/client-auto-scaling': /^(shared\/scaling|deploy\/backlog\/group)\.ts$/,
    '@aws-sdk/client-cloudwatch': /^deploy\/backlog\/cloudwatch\.ts$/,
    '@aws-sdk/client-ssm': /^deploy\/(environment\/parameters|backlog\/environment)\.ts$/,
    'sqs-consumer': /^worker\/intake\.ts$/,
    convict: /^(shared\/config[a-z-]*|deploy\/stack\/settings)\.ts$/,
    pino: /^shared\/logger\.ts$/,
    'prom-client': /^shared\/metrics\.ts$/,
  }

  test.each(Object.keys(owners))('%s', (name) => {
    const users = sources
      .filter((source) => !source.path.startsWith('test/'))
      .filter((source) => source.imports.some((each) => each.target === name && !each.typeOnly))
      .map((source) => source.path)
    expect(users.filter((path) => !owners[name]?.test(path))).toEqual([])
  })
})

/** Each circle of imports that are still there at run time, as `a -> b -> a`. */
function findCircles(all: Source[]): string[] {
  const targets = new Map(
    all.map((source) => [
      source.path,
      source.imports.filter((each) => each.relative && !each.typeOnly).map((each) => each.target),
    ]),
  )
  const circles: string[] = []
  const finished = new Set<string>()
  const walk = (path: string, trail: string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) circles.push([...trail.slice(start), path].join(' -> '))
    if (start >= 0 || finished.has(path)) return
    for (const target of targets.get(path) ?? []) walk(target, [...trail, path])
    finished.add(path)
  }
  for (const path of targets.keys()) walk(path, [])
  return circles
}
