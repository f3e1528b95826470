import { describe, expect, it } from 'vitest';
import { DeviceRegistry } from '../../src/simulator/device-registry.js';

describe('DeviceRegistry', () => {
  it('knows every device until told otherwise', () => {
    const devices = new DeviceRegistry();
    expect(devices.stateOf('aa')).toBe('registered');
    devices.unregister('AA', 1_700_000_000);
    expect(devices.stateOf('aa')).toBe('unregistered');
    expect(devices.unregisteredSince('aa')).toBe(1_700_000_000);
    devices.invalidate('aa');
    expect(devices.stateOf('aa')).toBe('invalid');
    devices.register('Aa');
    expect(devices.stateOf('aa')).toBe('registered');
  });

  it('lists a device for feedback once, until the list is read', () => {
    const devices = new DeviceRegistry();
    devices.unregister('aa', new Date(5000));
    devices.unregister('bb', 6);
    devices.reportUndelivered('aa');
    devices.reportUndelivered('cc');
    expect(devices.feedbackCount).toBe(2);
    expect([...devices.takeFeedback()]).toEqual([
      { deviceToken: 'aa', timestamp: 5 },
      { deviceToken: 'bb', timestamp: 6 },
    ]);
    expect([...devices.takeFeedback()]).toEqual([]);
    devices.reportUndelivered('bb');
    expect([...devices.takeFeedback()]).toEqual([{ deviceToken: 'bb', timestamp: 6 }]);
  });

  it('clears the list when it is taken, not when it has been read to the end', () => {
    const devices = new DeviceRegistry();
    devices.unregister('aa');
    devices.takeFeedback();
    expect(devices.feedbackCount).toBe(0);
  });

  it('refuses what is no token or no time', () => {
    const devices = new DeviceRegistry();
    const code = 'APNS_ERR_INVALID_OPTION';
    for (const token of ['', 'abc', 'zz', 'aa'.repeat(101)]) {
      expect(() => devices.unregister(token)).toThrow(expect.objectContaining({ code }));
      expect(() => devices.invalidate(token)).toThrow(expect.objectContaining({ code }));
    }
    for (const since of [-1, Number.NaN, Date.now(), new Date(Number.NaN)]) {
      expect(() => devices.unregister('aa', since)).toThrow(expect.objectContaining({ code }));
    }
  });
});
