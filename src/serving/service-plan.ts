import type { Context } from '../http/context.ts'
import type { FeatureServiceSpec } from '../features/schema.ts'
import { AppError } from '../kernel/errors.ts'
import type { FeaturePlan } from './feature-plan.ts'
import type { Variant } from './schema.ts'

export async function servicePlan(
  _context: Pick<Context, 'artifacts' | 'online' | 'config'>,
  _projectId: string,
  _variant: Variant,
  _service: FeatureServiceSpec,
): Promise<FeaturePlan> {
  throw new AppError('unavailable', 'Feature services are not wired yet')
}
