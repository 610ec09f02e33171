import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Ended, runTool, tryTool } from './tool.ts'

/** buildah and podman with a store of their own, so that nothing is left on the machine but this folder. */
export interface Engine {
  buildah(args: readonly string[]): Promise<string>
  podman(args: readonly string[]): Promise<string>
  /** Resolves however it ended. */
  tryPodman(args: readonly string[]): Promise<Ended>
  /**
   * No container is left, and nothing of the store stays mounted: a build that was stopped leaves its layers so, and the
   * folder could not go.
   */
  close(): Promise<void>
}

/** No systemd is needed: runc makes the cgroups itself, and events go to a file. */
const settings = `
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`

export async function openEngine(work: string, signal: AbortSignal): Promise<Engine> {
  await mkdir(work, { recursive: true })
  const logFile = join(work, 'engine.log')
  const configuration = join(work, 'containers.conf')
  await writeFile(configuration, settings)
  // podman's timer of health checks is systemd's, which may not be here: they are run by hand, the verdict is podman's.
  const env = { ...process.env, CONTAINERS_CONF: configuration, DISABLE_HC_SYSTEMD: 'true' }
  const store = ['--root', join(work, 'store'), '--runroot', join(work, 'run')]
  const options = { signal, logFile, env, cwd: work }
  return {
    buildah: (args) => runTool(['buildah', ...store, ...args], options),
    podman: (args) => runTool(['podman', ...store, ...args], options),
    tryPodman: (args) => tryTool(['podman', ...store, ...args], options),
    async close() {
      const { signal: ended } = new AbortController()
      const last = { ...options, signal: ended }
      // One that was cut off in its proof still has its container.
      await tryTool(['podman', ...store, 'rm', '--all', '--force', '--volumes'], last)
      const mounted = (await readFile('/proc/self/mounts', 'utf8'))
        .split('\n')
        .map((line) => line.split(' ')[1] ?? '')
        .filter((path) => path.startsWith(`${work}/`))
      // The innermost first.
      for (const path of mounted.reverse()) await tryTool(['umount', path], last)
    },
  }
}
