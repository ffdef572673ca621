export interface PipelinesTables {}
