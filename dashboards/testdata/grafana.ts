// The types of the dashboards: those that Grafana publishes of its dashboards,
// panels, options and fields, put together. A property that they do not know, or
// a value that they do not allow, is an error.
import type { AnnotationQuery, Dashboard, FieldConfig, Panel, RowPanel, TableFieldOptions } from '@grafana/schema';
import type { Options as BarGaugeOptions } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type { Options as TableOptions } from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type {
  FieldConfig as TimeSeriesFieldConfig,
  Options as TimeSeriesOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

// JSON has no enums: it has their values.
type Json<T> = T extends string
  ? `${T}`
  : T extends number
    ? `${T}` extends `${infer Value extends number}` ? Value : T
    : T extends object
      ? { [Key in keyof T]: Json<T[Key]> }
      : T;

// Grafana publishes no type of Prometheus' queries.
interface PrometheusQuery {
  refId: string;
  datasource: { type: 'prometheus'; uid: string };
  editorMode: 'code' | 'builder';
  expr: string;
  format: 'time_series' | 'table' | 'heatmap';
  instant?: boolean;
  range?: boolean;
  interval?: string;
  legendFormat?: string;
}

// Nor of annotations that are such queries.
interface PrometheusAnnotation extends Omit<Json<AnnotationQuery>, 'target'> {
  target: Pick<PrometheusQuery, 'refId' | 'expr' | 'interval' | 'legendFormat'>;
  titleFormat: string;
  textFormat: string;
}

// A panel whose options, fields and queries are of one type each, which
// Grafana's own Panel leaves open.
type Typed<Type extends string, Options, CustomFieldConfig = never> =
  Omit<Json<Panel>, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
    type: Type;
    options: Json<Options>;
    fieldConfig: Omit<Json<NonNullable<Panel['fieldConfig']>>, 'defaults'> & {
      defaults: Omit<Json<FieldConfig>, 'custom'> & { custom?: Json<CustomFieldConfig> };
    };
    targets: PrometheusQuery[];
  };

type AnyPanel =
  | Json<RowPanel>
  | Typed<'bargauge', BarGaugeOptions>
  | Typed<'stat', StatOptions>
  | Typed<'table', TableOptions, Partial<TableFieldOptions>>
  | Typed<'timeseries', TimeSeriesOptions, TimeSeriesFieldConfig>;

export type AnyDashboard = Omit<Json<Dashboard>, 'annotations' | 'panels'> & {
  annotations: { list: PrometheusAnnotation[] };
  panels: AnyPanel[];
};
