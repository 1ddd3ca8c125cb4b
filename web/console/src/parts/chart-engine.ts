import { BarChart, CustomChart, FunnelChart, HeatmapChart, LineChart, PieChart, SankeyChart, ScatterChart } from 'echarts/charts';
import { AriaComponent, DataZoomComponent, GridComponent, LegendComponent, MarkLineComponent, TooltipComponent, VisualMapComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

// Only what the console draws; loaded when the first picture comes into sight.
echarts.use([
  AriaComponent, BarChart, CustomChart, DataZoomComponent, FunnelChart, GridComponent, HeatmapChart, LegendComponent, LineChart,
  MarkLineComponent, PieChart, SankeyChart, ScatterChart, SVGRenderer, TooltipComponent, VisualMapComponent,
]);

export { echarts };
