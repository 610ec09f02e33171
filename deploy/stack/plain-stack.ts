import { type App, BootstraplessSynthesizer, type IStackSynthesizer, Stack } from 'aws-cdk-lib'
import type { Settings } from './settings.ts'

/** A stack whose template is plain CloudFormation: no assets, and no account that the CDK has prepared. */
export function plainStack(app: App, name: string, description: string, { region }: Settings): Stack {
  // The CDK's own types do not fit together under exactOptionalPropertyTypes.
  const synthesizer = new BootstraplessSynthesizer() as IStackSynthesizer
  return new Stack(app, name, { env: { region }, synthesizer, description })
}
