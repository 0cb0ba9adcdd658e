#!/bin/sh
# After the installation or upgrade of a package: systemd learns of the unit, and
# an exporter that runs starts anew. A new one waits for its configuration.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart s3_access_exporter.service
fi
