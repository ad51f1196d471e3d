'use strict';
require('./node.cjs').jasmine();
