#!/bin/sh
# Before a package is removed ("remove" of dpkg, 0 of rpm), not before it is
# upgraded. The checkpoint stays.
set -e
case $1 in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl disable --now s3_access_exporter.service
	fi
	;;
esac
