/** Synthesizes the example without any exception from cdk-nag, into the folder that it is given: findings and all. */
import { makeApp } from '../../../deploy/stack/app.ts'
import { exampleSettings } from '../../../deploy/stack/docs.ts'

const [, , folder = ''] = process.argv
try {
  makeApp({ settings: exampleSettings(), userData: 'none', folder, exceptions: [] }).synth()
} catch {
  // It is there for its findings: they are in validation-report.json.
}
