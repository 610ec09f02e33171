import { type App, type Stack, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks } from 'cdk-nag'
import type { IConstruct } from 'constructs'
import type { Exception } from './exceptions.ts'

/** Every rule of AWS Solutions; what it finds ends the synthesis. */
export function checkWithNag(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app))
}

/** Those of the exceptions that this stack has a place for. */
export function acknowledge(stack: Stack, exceptions: readonly Exception[]): void {
  for (const { at, id, reason } of exceptions) {
    let place: IConstruct | undefined = stack
    for (const step of at.split('/')) place = place?.node.tryFindChild(step)
    if (place) Validations.of(place).acknowledge({ id, reason })
  }
}
