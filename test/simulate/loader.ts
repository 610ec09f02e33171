/**
 * Loads the product's own code with its edges replaced: the modules that speak to the network, to ffmpeg and to the
 * disk. Each load is a graph of its own, so that one process can hold the product and its mutations side by side.
 */
import { readFileSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { Mutation } from './mutations.ts'
import { mutate } from './plant.ts'

const root = new URL('../../', import.meta.url).href
const model = (name: string) => new URL(`model/${name}.ts`, import.meta.url).href

/** Whole modules of ours. */
const replaced = new Map([
  [`${root}worker/job/encode.ts`, model('encode')],
  [`${root}worker/job/workdir.ts`, model('workdir')],
  [`${root}shared/scratch.ts`, model('scratch')],
  [`${root}worker/media/probe.ts`, model('probe')],
  [`${root}worker/media/poster.ts`, model('poster')],
])

/** Packages, for those modules of ours that open a connection or a file with them. */
const edges: { from: RegExp; specifier: string; to: string }[] = [
  { from: /shared\/queue-client\.ts/, specifier: '@aws-sdk/client-sqs', to: model('aws-sqs') },
  { from: /shared\/storage-client\.ts/, specifier: '@aws-sdk/client-s3', to: model('aws-s3') },
  { from: /shared\/redis\.ts/, specifier: 'ioredis', to: model('ioredis') },
  { from: /shared\/api-client\.ts/, specifier: 'got', to: model('got') },
  { from: /worker\/job\//, specifier: 'node:fs/promises', to: model('files') },
]

const mutations = new Map<string, Mutation>()
/** Types are stripped once, whatever the number of graphs. */
const stripped = new Map<string, string>()
let hooked = false

function hook(): void {
  if (hooked) return
  hooked = true
  registerHooks({
    resolve(specifier, context, next) {
      const [parent = '', graph] = (context.parentURL ?? '').split('?')
      const edge = edges.find((each) => each.specifier === specifier && each.from.test(parent))
      if (graph && edge) return { url: `${edge.to}?${graph}`, format: 'module', shortCircuit: true }
      const found = next(specifier, context)
      if (graph === undefined || found.url.includes('?') || !ours(found.url)) return found
      const url = replaced.get(found.url) ?? found.url
      return { ...found, url: `${url}?${graph}` }
    },
    load(url, context, next) {
      const [file = '', graph] = url.split('?')
      if (graph === undefined || !ours(file)) return next(url, context)
      return { format: 'module', source: read(file, mutations.get(graph)), shortCircuit: true }
    },
  })
}

function ours(url: string): boolean {
  return /^(worker|shared|test\/simulate\/model)\//.test(url.replace(root, '')) && url.endsWith('.ts')
}

function read(url: string, mutation: Mutation | undefined): string {
  const text = stripped.get(url) ?? stripTypeScriptTypes(readFileSync(fileURLToPath(url), 'utf8'))
  stripped.set(url, text)
  return mutate(mutation, url.replace(root, ''), text)
}

/** What a fleet is made of; worker/main.ts composes the same. */
export async function loadProduct(mutation?: Mutation) {
  hook()
  const graph = mutation?.name ?? 'product'
  if (mutation) mutations.set(graph, mutation)
  const load = <T>(path: string): Promise<T> => import(`${root}${path}?${graph}`)
  const [worker, boot, works, queue, redis, jobs, api, storage, metrics, profile, config, sources, workdir] =
    await Promise.all([
      load<typeof import('../../worker/worker.ts')>('worker/worker.ts'),
      load<typeof import('../../worker/boot.ts')>('worker/boot.ts'),
      load<typeof import('../../worker/job/works.ts')>('worker/job/works.ts'),
      load<typeof import('../../shared/queue.ts')>('shared/queue.ts'),
      load<typeof import('../../shared/redis.ts')>('shared/redis.ts'),
      load<typeof import('../../shared/jobs.ts')>('shared/jobs.ts'),
      load<typeof import('../../shared/api.ts')>('shared/api.ts'),
      load<typeof import('../../shared/storage.ts')>('shared/storage.ts'),
      load<typeof import('../../shared/metrics.ts')>('shared/metrics.ts'),
      load<typeof import('../../worker/media/profile.ts')>('worker/media/profile.ts'),
      load<typeof import('../../shared/config.ts')>('shared/config.ts'),
      load<typeof import('./model/sources.ts')>('test/simulate/model/sources.ts'),
      load<typeof import('./model/workdir.ts')>('test/simulate/model/workdir.ts'),
    ])
  return {
    checkBucket: boot.checkBucket,
    ...{ ...worker, ...works, ...queue, ...redis, ...jobs, ...api, ...storage, ...sources, ...workdir },
    ...{ metrics: metrics.createMetrics({ defaults: false }), profiles: profile.loadProfiles('{}') },
    ...{ config: config.loadConfig(environment), mutation },
  }
}

export type Product = Awaited<ReturnType<typeof loadProduct>>

/** The defaults but for lengths: segments and chunks are as long as allowed, so that a film has few of them. */
const environment = {
  ...{ API_BASE_URL: 'http://api', INTERNAL_WORKER_TOKEN: 'token', AWS_REGION: 'eu' },
  ...{ R2_ENDPOINT: 'http://bucket', R2_ACCESS_KEY: 'key', R2_SECRET_KEY: 'secret', R2_BUCKET: 'bucket' },
  ...{ REDIS_HOST: 'redis', VIDEO_SQS_QUEUE_NAME: 'jobs', VIDEO_SQS_DLQ_NAME: 'jobs-dlq' },
  ...{ HLS_TIME_SECONDS: '30', CHUNK_SECONDS: '60', FANOUT_MIN_CHUNKS: '2', PASSTHROUGH: 'never' },
  ...{ FANOUT_LOST_SECONDS: '600', JOB_BACKOFF_CAP_SECONDS: '300' },
}
