"""Charts as SVG, drawn on the server in the colours of a light or a dark page."""

import altair
import vl_convert
from django.http import HttpRequest, HttpResponse

SOFT = {"light": "#5c6370", "dark": "#a3a9b5"}
LINE = {"light": "#dfe2e7", "dark": "#383c44"}
GRID = {"light": "#e8eaee", "dark": "#2b2e34"}
MARK = {"light": "#0b63b0", "dark": "#6cb2f0"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"


def theme_of(request: HttpRequest) -> str:
    """Return "dark" where the address asks for it, else "light"."""
    return "dark" if request.GET.get("theme") == "dark" else "light"


def svg_response(svg: str) -> HttpResponse:
    """Answer with a chart, which may be kept for an hour: its address says of which data it is."""
    return HttpResponse(svg, content_type="image/svg+xml", headers={"Cache-Control": "private, max-age=3600"})


def as_svg(chart: altair.LayerChart | altair.FacetChart, theme: str) -> str:
    """Return a chart as SVG in the colours of a light or a dark page."""
    styled = (
        chart.configure(background="transparent", font=FONT)
        .configure_axis(
            gridColor=GRID[theme],
            domainColor=LINE[theme],
            tickColor=LINE[theme],
            labelColor=SOFT[theme],
            titleColor=SOFT[theme],
            titleFontWeight="normal",
            titlePadding=8,
        )
        .configure_view(stroke=None)
    )
    svg: str = vl_convert.vegalite_to_svg(styled.to_json())
    return svg
