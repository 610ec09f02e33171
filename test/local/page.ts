/**
 * The page that plays what the workers made, on loopback. It stands for the product's site and CDN: the bucket
 * is private, so the page's own server reads the objects and hands them on.
 */
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { WorkerError } from '../../shared/errors.ts'
import { cacheControlOf, contentTypeOf } from '../../shared/keys.ts'
import type { Storage } from '../../shared/storage.ts'

/** One video on the page; paths are keys in the bucket. */
export interface PageVideo {
  title: string
  master: string
  poster?: string
  /** WebVTT with a tile of a sprite sheet a cue. */
  storyboard?: string
}

export interface Page {
  url: string
  /** Shown from the next load of the page on; an open page notices by itself. */
  add(video: PageVideo): void
  close(): Promise<void>
}

const folder = fileURLToPath(new URL('./page/', import.meta.url))
const modules = fileURLToPath(new URL('../../node_modules/', import.meta.url))

/** Everything the page loads besides the videos: nothing comes from another host. */
const files: Record<string, { path: string; type: string }> = {
  '/': { path: join(folder, 'index.html'), type: 'text/html; charset=utf-8' },
  '/style.css': { path: join(folder, 'style.css'), type: 'text/css; charset=utf-8' },
  '/player.mjs': { path: join(folder, 'player.mjs'), type: 'text/javascript; charset=utf-8' },
  '/storyboard.mjs': { path: join(folder, 'storyboard.mjs'), type: 'text/javascript; charset=utf-8' },
  '/hls.mjs': { path: join(modules, 'hls.js/dist/hls.mjs'), type: 'text/javascript; charset=utf-8' },
}

/** Serves the page at 127.0.0.1; port 0 takes any free one. */
export async function startPage(storage: Storage, { port = 0 } = {}): Promise<Page> {
  const videos: PageVideo[] = []
  const closed = new AbortController()
  const server = createServer((request, response) => {
    answer(request, response).catch((error) => fail(response, error))
  })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://page').pathname
    const file = files[path]
    if (file !== undefined) return send(response, file.type, readFileSync(file.path))
    if (path === '/videos.json')
      return send(response, 'application/json', JSON.stringify(videos.map(addressed)))
    if (!path.startsWith('/media/')) return send(response, 'text/plain', 'Not found', 404)
    const key = decodeURIComponent(path.slice('/media/'.length))
    const object = await storage.head(key, closed.signal)
    if (object === undefined) return send(response, 'text/plain', 'Not found', 404)
    const range = { start: 0, end: object.bytes - 1 }
    const body = object.bytes === 0 ? '' : await storage.getRange(key, range, { signal: closed.signal })
    response.setHeader('cache-control', cacheControlOf(key))
    send(response, contentTypeOf(key), body)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    add: (video) => videos.push(video),
    async close() {
      closed.abort(new Error('the page is closed'))
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Keys become addresses of this server. */
function addressed({ title, master, poster, storyboard }: PageVideo): Record<string, string> {
  const address = (key: string) => `/media/${key.split('/').map(encodeURIComponent).join('/')}`
  return {
    title,
    master: address(master),
    ...(poster === undefined ? {} : { poster: address(poster) }),
    ...(storyboard === undefined ? {} : { storyboard: address(storyboard) }),
  }
}

function send(response: ServerResponse, type: string, body: string | Buffer, status = 200): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return
  const missing = error instanceof WorkerError && error.code === 'input_missing'
  send(response, 'text/plain', missing ? 'Not found' : 'The bucket does not answer', missing ? 404 : 502)
}
