import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Engine } from './engine.ts'

export interface ContainerInput {
  readonly image: string
  readonly name: string
  readonly env: Readonly<Record<string, string>>
  /** More words for `podman run`. */
  readonly options?: readonly string[]
  readonly args?: readonly string[]
}

export interface Container {
  /** One run of the image's HEALTHCHECK, and what the engine then calls the container. */
  health(): Promise<{ code: number | null; status: string; said: string }>
  /** Runs a program inside; resolves with how it ended. */
  exec(...words: string[]): Promise<{ code: number | null; out: string; err: string }>
  /** As `docker stop -t`: SIGTERM, and SIGKILL after the time. */
  stop(seconds: number): Promise<void>
  state(): Promise<{ Status: string; ExitCode: number; OOMKilled: boolean }>
  logs(): Promise<string>
  remove(): Promise<void>
}

/**
 * As docs/image.md runs it: nothing writable but /scratch and /tmp, no capability, none to be had, a limit on memory and
 * processes. On this machine's network, where the embedded stack listens on loopback.
 */
export const hardened = [
  ...['--network', 'host', '--read-only', '--read-only-tmpfs=false', '--tmpfs', '/tmp:size=64m'],
  ...['--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--memory', '3g', '--pids-limit', '2048'],
]

export async function startContainer(engine: Engine, input: ContainerInput): Promise<Container> {
  const { image, name, env, options = hardened, args = [] } = input
  const folder = mkdtempSync(join(tmpdir(), 'video-worker-image-'))
  // In a file, as on an instance: an environment on the command line is seen by everybody on the machine.
  const file = join(folder, 'env')
  const lines = Object.entries(env).map(([key, value]) => `${key}=${value}`)
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 })
  const own = ['--name', name, '--env-file', file]
  const removeFolder = () => rmSync(folder, { recursive: true, force: true })
  try {
    await engine.podman(['run', '--detach', ...own, ...options, image, ...args])
  } catch (error) {
    removeFolder()
    throw error
  }
  const inspect = async (path: string) =>
    JSON.parse(await engine.podman(['inspect', '--format', `{{json ${path}}}`, name]))
  return {
    async health() {
      const { code } = await engine.tryPodman(['healthcheck', 'run', name])
      const health = await inspect('.State.Health').catch(() => inspect('.State.Healthcheck'))
      const last = (health.Log ?? []).at(-1)
      return { code, status: health.Status, said: String(last?.Output ?? '').trim() }
    },
    exec: (...words) => engine.tryPodman(['exec', name, ...words]),
    stop: async (seconds) => void (await engine.podman(['stop', '-t', String(seconds), name])),
    state: () => inspect('.State'),
    async logs() {
      const { out, err } = await engine.tryPodman(['logs', name])
      return out + err
    },
    async remove() {
      // Cut off, the engine takes no more commands, and ends its containers itself when it is closed.
      try {
        await engine.tryPodman(['rm', '--force', '--volumes', name])
      } finally {
        removeFolder()
      }
    },
  }
}
