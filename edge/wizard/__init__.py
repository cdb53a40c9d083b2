"""The guided first run: asking, looking, listening, showing, printing, writing it down."""
